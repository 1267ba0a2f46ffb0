// What goes over the wire, at its edges: depth, size, limits of etcd.
#include <catch2/catch.hpp>

#include "integration/tries.h"
#include "support/etcd_process.h"

namespace idetcd::testing {
namespace {

using namespace std::chrono_literals;

// "Take the first free of these": the chain that a claim sends.
Txn chain(const std::vector<std::string>& keys, std::size_t at = 0) {
  Txn txn;
  txn.compares.push_back(Compare::absent(keys[at]));
  txn.success.emplace_back(PutRequest{keys[at], "mine", 0});
  if (at + 1 < keys.size()) txn.failure.emplace_back(std::make_unique<Txn>(chain(keys, at + 1)));
  return txn;
}

std::size_t depth_of_success(const TxnReply& reply) {
  if (reply.succeeded || reply.replies.empty()) return 1;
  return 1 + depth_of_success(*std::get<std::unique_ptr<TxnReply>>(reply.replies.front()));
}

TEST_CASE("nested transactions come back whole from any depth", "[wire]") {
  const auto etcd = connect_for_test();
  for (const std::size_t depth : {1, 8, 20, 40}) {
    const auto prefix = random_prefix();
    std::vector<std::string> keys;
    for (std::size_t i = 0; i < depth; ++i) keys.push_back(prefix + std::to_string(i));
    for (std::size_t taken = 0; taken < depth; ++taken) {
      const auto reply = etcd->txn(chain(keys), {});
      REQUIRE(reply);
      CHECK(depth_of_success(*reply) == taken + 1);
    }
    CHECK(depth_of_success(*etcd->txn(chain(keys), {})) == depth);  // all taken
    Txn cleanup;
    cleanup.success.emplace_back(DeleteRequest{KeyRange::prefix(prefix)});
    CHECK(etcd->txn(cleanup, {}));
  }
}

TEST_CASE("too many operations", "[wire][own-etcd]") {
  const EtcdProcess server({.extra = {"--max-txn-ops=16"}});
  const auto etcd = connect_for_test({server.endpoint()});
  Txn txn;
  for (int i = 0; i < 17; ++i) txn.success.emplace_back(PutRequest{"/" + std::to_string(i), "x", 0});
  const auto error = etcd->txn(txn, {}).error();
  CHECK(error.code == ErrorCode::kTooManyOperations);
  CHECK_THAT(error.message, Catch::Contains("--max-txn-ops"));
}

TEST_CASE("no space", "[wire][own-etcd]") {
  const EtcdProcess server({.extra = {"--quota-backend-bytes=1000000"}});
  const auto etcd = connect_for_test({server.endpoint()});
  REQUIRE(etcd->lease_grant(1, 60s, {}));
  REQUIRE(try_put(*etcd, "/leased", "x", 1));
  Status full;
  REQUIRE(eventually([&] { return !(full = try_put(*etcd, "/big", std::string(200'000, 'x'))); }));
  CHECK(full.error().code == ErrorCode::kNoSpace);
  CHECK(try_get(*etcd, "/leased"));
  CHECK(etcd->lease_revoke(1, {}));
}

TEST_CASE("a request that etcd finds too large", "[wire]") {
  const auto etcd = connect_for_test();
  CHECK(try_put(*etcd, random_prefix(), std::string(3'000'000, 'x')).error().code == ErrorCode::kInvalidArgument);
}

TEST_CASE("a batch that comes in parts is put together", "[wire][own-etcd]") {
  const EtcdProcess server;
  const auto etcd = connect_for_test({server.endpoint()});
  constexpr std::size_t kPuts = 12;
  constexpr std::size_t kKeysEach = 4;
  std::string value(150'000, 'x');
  for (std::size_t i = 0; i < kPuts; ++i) {
    Txn txn;
    for (std::size_t k = 0; k < kKeysEach; ++k)
      txn.success.emplace_back(PutRequest{"/big/" + std::to_string(k), value, 0});
    REQUIRE(etcd->txn(txn, {}));
  }
  WatchLog watch(*etcd, {KeyRange::prefix("/big/"), 1});
  REQUIRE(watch.has_events(kPuts * kKeysEach));
  Revision last = 0;
  for (const auto& batch : watch.batches()) {
    if (batch.events.empty()) continue;
    CHECK(batch.events.front().kv.mod_revision > last);  // no revision is split
    CHECK(batch.events.size() % kKeysEach == 0);
    last = batch.events.back().kv.mod_revision;
  }
}

TEST_CASE("a watch from before a compaction", "[wire][own-etcd]") {
  const EtcdProcess server;
  const auto etcd = connect_for_test({server.endpoint()});
  for (int i = 0; i < 10; ++i) REQUIRE(try_put(*etcd, "/a", std::to_string(i)));
  server.compact(8);
  server.defragment();
  WatchLog watch(*etcd, {KeyRange::one("/a"), 3});
  REQUIRE(watch.has_ended());
  CHECK(watch.end()->code == ErrorCode::kCompacted);
  CHECK_THAT(watch.end()->message, Catch::Contains("8"));
  RangeRequest old;
  old.keys = KeyRange::one("/a");
  old.revision = 3;
  CHECK(etcd->range(old, {}).error().code == ErrorCode::kCompacted);
}

TEST_CASE("keys and values of any bytes", "[wire]") {
  const auto etcd = connect_for_test();
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes.push_back(static_cast<char>(byte));
  const auto key = random_prefix() + bytes;
  REQUIRE(try_put(*etcd, key, bytes));
  const auto reply = try_get(*etcd, key);
  REQUIRE(reply->kvs.size() == 1);
  CHECK(reply->kvs[0].key == key);
  CHECK(reply->kvs[0].value == bytes);
  Txn cleanup;
  cleanup.success.emplace_back(DeleteRequest{KeyRange::one(key)});
  CHECK(etcd->txn(cleanup, {}));
}

}  // namespace
}  // namespace idetcd::testing
