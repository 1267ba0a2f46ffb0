// Real daemons on a real etcd: who gets which name, and what becomes of it.
#include <idetcd/record.h>
#include <signal.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <deque>
#include <fstream>
#include <iterator>
#include <set>
#include <thread>
#include <utility>

#include "common/system/exit_status.h"
#include "common/system/temporary_folder.h"
#include "support/eventually.h"
#include "support/program.h"

using namespace idetcd::testing;
using idetcd::app::kExitTryLater;

namespace {

// One pool in the test's etcd, and the flags by which daemons join it.
class Pool {
 public:
  explicit Pool(unsigned limit, std::string ttl = "20s") : limit_(limit), ttl_(std::move(ttl)) {}

  std::vector<std::string> flags(const std::string& address) const {
    std::string endpoints;
    for (const std::string& endpoint : test_endpoints()) endpoints += (endpoints.empty() ? "" : ",") + endpoint;
    return {
        "--endpoints",          endpoints, "--path", path_,         "--pattern", "worker{{.ID}}.tf.local.", "--limit",
        std::to_string(limit_), "--ttl",   ttl_,     "--advertise", address};
  }

  // Answers for the pool without a name of its own.
  Resolver witness() const {
    auto arguments = flags("127.0.0.1");
    arguments.emplace_back("--no-claim");
    return Resolver(std::move(arguments));
  }

  std::string key(const std::string& name) const { return path_ + name; }
  bool in_etcd(const std::string& name) const {
    const auto found = etcd_->range({.keys = idetcd::KeyRange::one(key(name))}, {});
    return found && !found->kvs.empty();
  }
  void put(const std::string& name, const std::string& value) const {
    idetcd::Txn txn;
    txn.success.emplace_back(idetcd::PutRequest{key(name), value});
    REQUIRE(etcd_->txn(txn, {}));
  }
  void remove(const std::string& name) const {
    idetcd::Txn txn;
    txn.success.emplace_back(idetcd::DeleteRequest{idetcd::KeyRange::one(key(name))});
    REQUIRE(etcd_->txn(txn, {}));
  }

 private:
  const unsigned limit_;
  const std::string ttl_;
  const std::string path_ = random_prefix();
  const std::shared_ptr<idetcd::Etcd> etcd_ = connect_for_test();
};

std::string address(unsigned number) {
  return "10.0.0." + std::to_string(number);
}

}  // namespace

TEST_CASE("forty nodes started at once get forty names, the lowest ones", "[start-together]") {
  const Pool pool(40);
  std::deque<Resolver> nodes;
  for (unsigned i = 1; i <= 40; ++i) nodes.emplace_back(pool.flags(address(i)));
  std::set<unsigned> slots;
  for (Resolver& node : nodes) {
    slots.insert(node.slot());
    INFO(node.program().errors());
    CHECK(node.program().trouble().empty());  // no retry that anybody would see
  }
  CHECK(slots.size() == 40);
  CHECK(*slots.begin() == 1);
  CHECK(*slots.rbegin() == 40);
}

TEST_CASE("of forty-one nodes for forty names exactly one goes", "[start-together]") {
  const Pool pool(40);
  std::deque<Resolver> nodes;
  for (unsigned i = 1; i <= 41; ++i) nodes.emplace_back(pool.flags(address(i)));
  std::set<unsigned> slots;
  std::vector<std::string> refused;
  for (Resolver& node : nodes) {
    if (const unsigned slot = node.slot(); slot != 0) {
      slots.insert(slot);
      continue;
    }
    CHECK(node.program().wait_for(kPatience) == kExitTryLater);
    refused.push_back(node.program().errors());
  }
  CHECK(slots.size() == 40);
  REQUIRE(refused.size() == 1);
  const std::string told =
      "idetcd-resolver: Could not have more than 40 nodes in your cluster: every one of the 40 slots of "
      "worker{{.ID}}.tf.local. is taken; raise the limit, or wait for one\n";
  CHECK(("\n" + refused.front()).find("\n" + told) != std::string::npos);
}

TEST_CASE("every daemon answers for all names, over IPv4 and IPv6") {
  const Pool pool(3);
  std::deque<Resolver> nodes;
  for (unsigned i = 1; i <= 3; ++i) nodes.emplace_back(pool.flags(address(i) + ",fd00::" + std::to_string(i)));
  for (Resolver& node : nodes) REQUIRE_FALSE(node.name().empty());
  for (Resolver& asked : nodes) {
    for (unsigned i = 1; i <= 3; ++i) {
      const std::string name = nodes[i - 1].name();
      CHECK(eventually([&] { return answer(asked.port(), name) == address(i); }));
      CHECK(answer_v6(asked.port(), name) == "fd00::" + std::to_string(i));
    }
    CHECK(answer(asked.port(), "worker4.tf.local.") == "NXDOMAIN");
    CHECK(answer(asked.port(), "example.org.") == "REFUSED");
  }
}

TEST_CASE("a killed node's name stands until its lease ends, and the next node takes it") {
  const Pool pool(5, "2s");
  Resolver witness = pool.witness();
  std::deque<Resolver> nodes;
  for (unsigned i = 1; i <= 3; ++i) {
    nodes.emplace_back(pool.flags(address(i)));
    REQUIRE(nodes.back().name() == "worker" + std::to_string(i) + ".tf.local.");
  }
  const std::string name = "worker2.tf.local.";
  REQUIRE(eventually([&] { return answer(witness.port(), name) == address(2); }));

  nodes[1].program().signal(SIGKILL);
  bool in_etcd = true;
  CHECK(eventually([&] {
    const bool was_there = std::exchange(in_etcd, pool.in_etcd(name));
    const std::string last = answer(witness.port(), name);
    if (was_there && in_etcd) CHECK((last == address(2) || !pool.in_etcd(name)));
    return last == "NXDOMAIN";
  }));
  CHECK_FALSE(pool.in_etcd(name));

  Resolver next(pool.flags(address(9)));
  CHECK(next.name() == name);
  CHECK(eventually([&] { return answer(witness.port(), name) == address(9); }));
}

TEST_CASE("a killed node with a node-id is started again before its lease has ended") {
  const Pool pool(5, "3s");
  auto flags = pool.flags(address(1));
  flags.insert(flags.end(), {"--node-id", "host-7"});
  SECTION("with the defaults") {}
  SECTION("sticky, and told to wait") {
    flags.insert(flags.end(), {"--sticky", "1m", "--on-full", "wait"});
  }
  std::string name;
  {
    Resolver killed(flags);
    name = killed.name();
    killed.program().signal(SIGKILL);
  }
  Resolver again(flags);
  CHECK(again.name() == name);
  CHECK(again.program().errors().find("node id 'host-7' still has slot 1") != std::string::npos);
}

TEST_CASE("a node that is asked to end gives its name back at once") {
  const Pool pool(5, "10m");  // so that it is not the lease's end that gives it back
  Resolver witness = pool.witness();
  for (const int number : {SIGTERM, SIGINT}) {
    Resolver node(pool.flags(address(1)));
    REQUIRE(node.name() == "worker1.tf.local.");
    REQUIRE(eventually([&] { return answer(witness.port(), node.name()) == address(1); }));
    node.program().signal(number);
    CHECK(eventually([&] { return answer(witness.port(), "worker1.tf.local.") == "NXDOMAIN"; }));
    CHECK(node.program().wait_for(kPatience) == 0);
  }
}

TEST_CASE("a record that somebody broke by hand takes only its own name away") {
  const Pool pool(5);
  Resolver node(pool.flags(address(1)));
  REQUIRE(node.name() == "worker1.tf.local.");
  REQUIRE(eventually([&] { return answer(node.port(), "worker1.tf.local.") == address(1); }));

  pool.put("worker3.tf.local.", "{\"ipv4\": \"10.0.0.300\"}");
  pool.put("worker4.tf.local.", R"({"ipv4":"10.0.0.4","ipv6":"fd00::4","port":"53"})");  // as the ancestor writes it
  CHECK(eventually([&] { return answer(node.port(), "worker4.tf.local.") == "10.0.0.4"; }));
  CHECK(answer(node.port(), "worker3.tf.local.") == "NXDOMAIN");
  CHECK(answer(node.port(), "worker1.tf.local.") == address(1));
  CHECK(eventually(
      [&] { return node.program().errors().find("1 record of the pool cannot be read") != std::string::npos; }));

  pool.remove("worker3.tf.local.");
  CHECK(eventually(
      [&] { return node.program().errors().find("all records in etcd can be read again") != std::string::npos; }));
  pool.remove("worker4.tf.local.");
}

TEST_CASE("a node waits for a name when told to, and takes the first that is free") {
  const Pool pool(1);
  auto holder = std::make_unique<Resolver>(pool.flags(address(1)));
  REQUIRE(holder->name() == "worker1.tf.local.");
  auto arguments = pool.flags(address(2));
  arguments.insert(arguments.end(), {"--on-full", "wait"});
  Resolver waiter(std::move(arguments));
  CHECK(
      eventually([&] { return waiter.program().errors().find("waiting for one at position 1") != std::string::npos; }));
  holder->program().signal(SIGTERM);
  CHECK(waiter.name() == "worker1.tf.local.");
}

TEST_CASE("waiting ends when it was said to, with the place in the queue") {
  const Pool pool(1);
  Resolver holder(pool.flags(address(1)));
  REQUIRE(holder.name() == "worker1.tf.local.");
  auto arguments = pool.flags(address(2));
  arguments.insert(arguments.end(), {"--on-full", "wait", "--max-wait", "1s"});
  const std::string said =
      "no name became free in 1 s; this node was at position 1 of the queue; raise limit (1) or max-wait\n";
  Resolver waiter(arguments);
  CHECK(waiter.program().wait_for(kPatience) == kExitTryLater);
  CHECK(waiter.program().errors().find("idetcd-resolver: " + said) != std::string::npos);

  std::vector<std::string> exec{IDETCD_COMPANION, "exec"};
  exec.insert(exec.end(), arguments.begin(), arguments.end());
  exec.insert(exec.end(), {"--", "true"});
  Program command({.argv = exec});
  CHECK(command.wait_for(kPatience) == kExitTryLater);
  CHECK(command.errors().find("idetcd: " + said) != std::string::npos);
}

TEST_CASE("exec and the daemon publish named ports and texts") {
  const Pool pool(3);
  auto arguments = pool.flags(address(1));
  arguments.insert(arguments.end(), {"--srv", "grpc=2222", "--srv", "http=80", "--meta", "role=chief, acting"});
  Resolver node(arguments);
  REQUIRE(node.name() == "worker1.tf.local.");
  const auto stored = connect_for_test()->range({.keys = idetcd::KeyRange::one(pool.key("worker1.tf.local."))}, {});
  REQUIRE(stored);
  REQUIRE(stored->kvs.size() == 1);
  const auto record = idetcd::parse_record(stored->kvs.front().value);
  REQUIRE(record);
  CHECK(record->ports == std::map<std::string, std::uint16_t>{{"grpc", 2222}, {"http", 80}});
  CHECK(record->meta == std::map<std::string, std::string>{{"role", "chief, acting"}});
  CHECK(record->port == node.port());

  std::vector<std::string> exec{IDETCD_COMPANION, "exec"};
  exec.insert(exec.end(), arguments.begin(), arguments.end());
  exec.insert(exec.end(), {"--", IDETCD_COMPANION, "ls", "-o", "json"});
  exec.insert(exec.end(), arguments.begin(), arguments.begin() + 8);  // etcd and the pool
  Program command({.argv = exec});
  CHECK(command.wait_for(kPatience) == 0);
  INFO(command.output() << command.errors());
  const auto second = command.output().find("worker2.tf.local.");
  REQUIRE(second != std::string::npos);
  CHECK(command.output().find("\"grpc\": 2222", second) != std::string::npos);
  CHECK(command.output().find("\"role\": \"chief, acting\"", second) != std::string::npos);
}

TEST_CASE("idetcd ls and exec see the same pool") {
  const Pool pool(3);
  auto arguments = pool.flags(address(1));
  Resolver node(arguments);
  REQUIRE(node.name() == "worker1.tf.local.");

  std::vector<std::string> exec{IDETCD_COMPANION, "exec"};
  exec.insert(exec.end(), arguments.begin(), arguments.end());
  exec.insert(exec.end(), {"--", "sh", "-c", "echo I am $IDETCD_NAME $IDETCD_SLOT; exit 5"});
  Program command({.argv = exec});
  CHECK(command.wait_for(kPatience) == 5);
  CHECK(command.output() == "I am worker2.tf.local. 2\n");
  CHECK_FALSE(pool.in_etcd("worker2.tf.local."));

  std::vector<std::string> ls{IDETCD_COMPANION, "ls", "-o", "json"};
  ls.insert(ls.end(), arguments.begin(), arguments.end() - 4);  // without --ttl and --advertise
  Program listing({.argv = ls});
  CHECK(listing.wait_for(kPatience) == 0);
  CHECK(listing.output().find("\"name\": \"worker1.tf.local.\"") != std::string::npos);
  CHECK(listing.output().find("\"10.0.0.1\"") != std::string::npos);
}

TEST_CASE("exec that is ended before it has a name says so with its status") {
  const Pool pool(1);
  Resolver holder(pool.flags(address(1)));
  REQUIRE(holder.name() == "worker1.tf.local.");
  auto arguments = pool.flags(address(2));
  std::vector<std::string> exec{IDETCD_COMPANION, "exec", "--on-full", "wait"};
  exec.insert(exec.end(), arguments.begin(), arguments.end());
  exec.insert(exec.end(), {"--", "echo", "it ran"});
  Program command({.argv = exec});
  REQUIRE(eventually([&] { return command.errors().find("position 1") != std::string::npos; }));
  command.signal(SIGTERM);
  CHECK(command.wait_for(kPatience) == 128 + SIGTERM);
  CHECK(command.output().find("it ran") == std::string::npos);
}

TEST_CASE("exec that is asked to end ends its command and gives its name back at once") {
  const Pool pool(3, "10m");  // so that it is not the lease's end that gives it back
  std::vector<std::string> exec{IDETCD_COMPANION, "exec"};
  const auto arguments = pool.flags(address(1));
  exec.insert(exec.end(), arguments.begin(), arguments.end());
  exec.insert(exec.end(), {"--", "sh", "-c", "echo running; exec sleep 600"});
  Program command({.argv = exec});
  REQUIRE(eventually([&] { return command.output() == "running\n"; }));
  CHECK(pool.in_etcd("worker1.tf.local."));
  command.signal(SIGTERM);
  CHECK(command.wait_for(kPatience) == 128 + SIGTERM);
  CHECK_FALSE(pool.in_etcd("worker1.tf.local."));
}

TEST_CASE("exec that is killed leaves no worker behind, though its start script ignores signals") {
  const Pool pool(3);
  std::vector<std::string> exec{IDETCD_COMPANION, "exec"};
  const auto arguments = pool.flags(address(1));
  exec.insert(exec.end(), arguments.begin(), arguments.end());
  const auto folder = idetcd::app::TemporaryFolder::create("idetcd-exec").value();
  const std::string alive = (folder.path() / "alive").string();
  const std::string worker = "trap '' TERM HUP INT; while :; do date +%N > " + alive + "; sleep 0.05; done";
  exec.insert(exec.end(), {"--", "sh", "-c", "trap '' TERM HUP INT; setsid sh -c \"" + worker + "\" & wait"});
  const auto beats = [&] {
    std::ifstream in(alive);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  {
    Program command({.argv = exec});
    REQUIRE(eventually([&] { return !beats().empty(); }));
    command.signal(SIGKILL);
    CHECK(command.wait_for(kPatience) == 128 + SIGKILL);
  }
  CHECK(eventually([&] {
    const std::string before = beats();
    std::this_thread::sleep_for(std::chrono::milliseconds(300));  // six beats of a worker that is alive
    return beats() == before;
  }));
}

TEST_CASE("exec ends its command when the name is lost") {
  const Pool pool(3);
  std::vector<std::string> exec{IDETCD_COMPANION, "exec"};
  const auto arguments = pool.flags(address(1));
  exec.insert(exec.end(), arguments.begin(), arguments.end());
  exec.insert(exec.end(), {"--", "sleep", "1000"});
  Program command({.argv = exec});
  REQUIRE(eventually([&] { return pool.in_etcd("worker1.tf.local."); }));
  REQUIRE(eventually([&] { return command.errors().find("claimed worker1") != std::string::npos; }));
  pool.put("worker1.tf.local.", R"({"ipv4":"10.9.9.9","ipv6":"","port":"53"})");  // the ancestor has no transactions
  CHECK(command.wait_for(kPatience) == kExitTryLater);
  pool.remove("worker1.tf.local.");
}
