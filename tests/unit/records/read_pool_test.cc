// read_pool: all that is known of a pool, in one reading.
#include <idetcd/pool.h>

#include "model/node_entry.h"
#include "model/pool_keys.h"
#include "support/faulty_etcd.h"
#include "unit/records/record_cluster.h"

namespace idetcd {
using namespace internal;
namespace {

using testing::Fault;
using testing::FaultyEtcd;

struct Pool : Cluster {
  Pool() : Cluster(3) {}

  void write(const std::string& key, const std::string& value, LeaseId lease = 0) const {
    Txn txn;
    txn.success.emplace_back(PutRequest{key, value, lease});
    REQUIRE(etcd->txn(txn, {}).has_value());
  }

  PoolKeys keys{"", pattern};
};

}  // namespace

TEST_CASE("a pool's names, queue, holds and nodes", "[pool]") {
  const Pool pool;
  REQUIRE(pool.etcd->lease_grant(7, 20s, {}).has_value());
  pool.write(pool.keys.record("worker2.tf.local."), R"({"ipv4":"10.0.0.2","node":"b"})", 7);
  pool.write(pool.keys.record("worker1.tf.local."), "{oops");
  pool.write(pool.keys.record("worker1x.tf.local."), "{}");  // in the range, but none of ours
  pool.write(pool.keys.node("b"), to_json(NodeEntry{2, "10.0.0.2", {}}), 7);
  pool.write(pool.keys.ticket("z"), "3", 7);
  pool.write(pool.keys.ticket("a"), "2", 7);
  pool.write(pool.keys.ticket("odd"), "many");
  pool.write(pool.keys.hold(3), "c", 7);
  pool.write(pool.keys.home("c"), "3", 7);

  const auto state = read_pool(*pool.etcd, pool.pattern, "");
  REQUIRE(state.has_value());
  CHECK(state->revision == pool.etcd->revision());
  REQUIRE(state->names.size() == 2);
  CHECK(state->names[0].name == "worker1.tf.local.");
  CHECK_FALSE(state->names[0].malformed.empty());
  CHECK(state->names[1].slot == 2);
  CHECK(state->names[1].malformed.empty());
  CHECK(state->names[1].record.node == "b");
  CHECK(state->names[1].token == state->names[1].mod_revision);
  CHECK(state->names[1].lease == 7);
  REQUIRE(state->queue.size() == 3);  // as they came
  CHECK(state->queue[0].node_id == "z");
  CHECK(state->queue[0].position == 1);
  CHECK(state->queue[0].limit == 3);
  CHECK(state->queue[1].node_id == "a");
  CHECK(state->queue[2].position == 3);
  CHECK(state->queue[2].limit == 0);
  REQUIRE(state->holds.size() == 1);
  CHECK(state->holds[0].slot == 3);
  CHECK(state->holds[0].node_id == "c");
  REQUIRE(state->nodes.size() == 1);
  CHECK(state->nodes[0].node_id == "b");
  CHECK(state->nodes[0].slot == 2);
  CHECK(state->nodes[0].address == "10.0.0.2");
  CHECK(state->nodes[0].token != 0);
}

TEST_CASE("a pool of many pages is read at one revision, through compactions", "[pool]") {
  Cluster cluster(12000);
  cluster.fill(11000);
  CompactedBetweenPages busy(cluster, 2);
  const auto state = read_pool(busy, cluster.pattern, "");
  REQUIRE(state.has_value());
  CHECK(state->names.size() == 11000);
  CHECK(state->names.front().slot == 1);
  CHECK(state->names.back().slot == 11000);
  CHECK(state->revision == cluster.etcd->revision());
}

TEST_CASE("a reading that compactions always overtake ends", "[pool]") {
  Cluster cluster(12000);
  cluster.fill(6000);
  CompactedBetweenPages busy(cluster, 1000);
  const auto state = read_pool(busy, cluster.pattern, "");
  REQUIRE_FALSE(state.has_value());
  CHECK(state.error().code == ErrorCode::kCompacted);
}

TEST_CASE("an error of etcd's ends the reading", "[pool]") {
  const Pool pool;
  FaultyEtcd faulty(pool.etcd);
  faulty.script(testing::EtcdCall::kRange, {Fault::none(), Fault::request_lost()});
  const auto state = read_pool(faulty, pool.pattern, "");
  REQUIRE_FALSE(state.has_value());
  CHECK(state.error().code == ErrorCode::kUnavailable);
}

}  // namespace idetcd
