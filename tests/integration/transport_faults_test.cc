// Members that are dead, hung or restarted; destruction at bad moments; crowds.
#include <idetcd/slot_claimer.h>

#include <catch2/catch.hpp>

#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <csignal>
#include <thread>

#include "integration/tries.h"
#include "support/etcd_process.h"
#include "support/eventually.h"
#include "support/relay.h"

namespace idetcd::testing {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// What a call may take here that would otherwise take kNever: it ended for its own reason.
constexpr auto kNever = 120s;
constexpr auto kSoon = kPatience;

std::shared_ptr<Etcd> connect_patiently(const std::string& endpoint) {
  return connect({.endpoints = {endpoint}, .connect_timeout = kNever}).value();
}

std::string nobody_there() {
  return "http://127.0.0.1:" + std::to_string(free_port());
}

std::string with_port(const std::string& endpoint, const std::string& host) {
  return "http://" + host + endpoint.substr(endpoint.rfind(':'));
}

TEST_CASE("nobody listens", "[faults]") {
  const auto endpoint = nobody_there();
  const auto etcd = connect_patiently(endpoint);
  const auto begin = Clock::now();
  const auto reply = try_get(*etcd, "a", {.timeout = kNever});
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code == ErrorCode::kUnavailable);
  CHECK_THAT(reply.error().message, Catch::Contains(endpoint) && Catch::Contains("Connection refused"));
  CHECK(try_put(*etcd, "a", "b").error().code == ErrorCode::kUnavailable);
  CHECK(keep_alive(*etcd, 1, kNever).error().code == ErrorCode::kUnavailable);
  WatchLog watch(*etcd, {KeyRange::one("a")});
  REQUIRE(watch.has_ended());
  CHECK(watch.end()->code == ErrorCode::kUnavailable);
  CHECK(Clock::now() - begin < kSoon);  // none of them waits for its time to pass
}

TEST_CASE("one dead member of three", "[faults][own-etcd]") {
  const EtcdProcess server;
  // The same etcd twice, and nobody: whoever is first, everything works.
  const std::vector<std::string> endpoints{nobody_there(), server.endpoint(),
                                           with_port(server.endpoint(), "localhost")};
  for (int start = 0; start < 8; ++start) {  // the first member is drawn by lot
    const auto etcd = connect_for_test(endpoints);
    CHECK(try_put(*etcd, "/a", "1"));  // not sent to the dead one, so sent to another
    CHECK(try_get(*etcd, "/a"));
  }
  for (int start = 0; start < 8; ++start) {
    const auto etcd = connect_for_test(endpoints);
    WatchLog first(*etcd, {KeyRange::one("/a"), 1});
    REQUIRE(eventually([&] { return !first.batches().empty() || first.end(); }));
    if (!first.end()) continue;
    WatchLog second(*etcd, {KeyRange::one("/a"), 1});
    CHECK(second.has_events(1));
  }
}

TEST_CASE("a call on a hung member ends in time", "[faults][own-etcd]") {
  EtcdProcess server;
  const auto etcd = connect_for_test({server.endpoint()});
  REQUIRE(try_put(*etcd, "/a", "1"));
  server.pause();
  const auto begin = Clock::now();

  SECTION("at the deadline") {
    const auto reply = try_get(*etcd, "/a", {.timeout = 300ms});
    CHECK(reply.error().code == ErrorCode::kDeadlineExceeded);
    CHECK(Clock::now() - begin >= 300ms);
    CHECK(Clock::now() - begin < kSoon);
  }
  SECTION("when it is asked to stop") {
    std::stop_source stop;
    std::jthread asker([&] {
      std::this_thread::sleep_for(100ms);  // nothing tells that the call is under way: most often it is by then
      stop.request_stop();
    });
    CHECK(try_get(*etcd, "/a", {.timeout = kNever, .stop = stop.get_token()}).error().code == ErrorCode::kCancelled);
    CHECK(Clock::now() - begin < kSoon);
  }
  SECTION("when it was asked before") {
    std::stop_source stop;
    stop.request_stop();
    CHECK(try_get(*etcd, "/a", {.timeout = kNever, .stop = stop.get_token()}).error().code == ErrorCode::kCancelled);
  }
  SECTION("while a connection is made") {
    const auto other = connect_patiently(server.endpoint());
    CHECK_FALSE(try_get(*other, "/a", {.timeout = 500ms}));
    CHECK(Clock::now() - begin < kSoon);
  }
}

TEST_CASE("a keep-alive on a hung member", "[faults][own-etcd]") {
  EtcdProcess server;
  const auto etcd = connect_for_test({server.endpoint()});
  for (const LeaseId lease : {1, 2}) REQUIRE(etcd->lease_grant(lease, 60s, {}));
  REQUIRE(keep_alive(*etcd, 1));
  server.pause();
  auto patient = start_keep_alive(*etcd, 2, kNever);
  const auto late = keep_alive(*etcd, 1, 300ms);
  CHECK(late.error().code == ErrorCode::kDeadlineExceeded);
  // The stream is given up, and with it the other one.
  REQUIRE(patient.wait_for(kSoon) == std::future_status::ready);
  CHECK(patient.get().error().code == ErrorCode::kUnavailable);
  server.resume();
  CHECK(eventually([&] { return keep_alive(*etcd, 1, 1s).has_value(); }));
  CHECK(keep_alive(*etcd, 2));
}

// As after a cut of the network, when TCP waits longer than the cut lasted until it sends again.
TEST_CASE("a late keep-alive does not wait for the connection of the one before", "[faults][own-etcd]") {
  EtcdProcess server;
  const auto own = server.endpoint();
  Relay relay(static_cast<std::uint16_t>(std::stoi(own.substr(own.rfind(':') + 1))));
  const auto etcd = connect_for_test({"http://127.0.0.1:" + std::to_string(relay.port())});
  REQUIRE(etcd->lease_grant(1, 60s, {}));
  REQUIRE(keep_alive(*etcd, 1));
  relay.stall();
  std::vector<std::future<Result<KeepAliveReply>>> asked;
  const auto answered = [](auto& reply) { return reply.wait_for(0s) == std::future_status::ready; };
  // After 13 s gRPC would give the connection up by itself.
  CHECK(eventually(10s, [&] {
    asked.push_back(start_keep_alive(*etcd, 1, kNever));
    return eventually(150ms, [&] { return std::any_of(asked.begin(), asked.end(), answered); });
  }));
  const auto first = std::find_if(asked.begin(), asked.end(), answered);
  REQUIRE(first != asked.end());
  CHECK(first->get());
}

TEST_CASE("etcd is killed and comes back", "[faults][own-etcd]") {
  EtcdProcess server;
  const auto etcd = connect_for_test({server.endpoint()});
  REQUIRE(etcd->lease_grant(11, 60s, {}));
  REQUIRE(try_put(*etcd, "/a", "1", 11));
  const auto seen = try_get(*etcd, "/a")->header.revision;
  WatchLog watch(*etcd, {KeyRange::one("/a"), seen + 1});
  REQUIRE(watch.established());
  REQUIRE(keep_alive(*etcd, 11));

  server.kill();
  REQUIRE(watch.has_ended());
  CHECK(watch.end()->code == ErrorCode::kUnavailable);
  CHECK(keep_alive(*etcd, 11).error().code == ErrorCode::kUnavailable);

  server.start();
  CHECK(eventually([&] { return keep_alive(*etcd, 11).has_value(); }));
  CHECK(keep_alive(*etcd, 11)->ttl == 60s);
  REQUIRE(eventually([&] { return try_put(*etcd, "/a", "2", 11).has_value(); }));
  WatchLog resumed(*etcd, {KeyRange::one("/a"), seen + 1});
  REQUIRE(resumed.has_events(1));
  CHECK(resumed.events().at(0).kv.value == "2");
}

TEST_CASE("a member of a cluster hangs", "[faults][own-etcd]") {
  EtcdCluster cluster;
  const auto etcd = connect_for_test(cluster.endpoints());
  REQUIRE(etcd->lease_grant(21, 60s, {}));
  REQUIRE(keep_alive(*etcd, 21));
  for (std::size_t hung = 0; hung < cluster.size(); ++hung) {  // one of them is in use, one leads
    cluster.member(hung).pause();
    CHECK(eventually([&] { return keep_alive(*etcd, 21, 500ms).has_value(); }));
    CHECK(eventually([&] { return try_get(*etcd, "/a", {.timeout = 2s}).has_value(); }));
    cluster.member(hung).resume();
    CHECK(eventually([&] { return try_put(*etcd, "/a", "1").has_value(); }));
  }
}

TEST_CASE("a member without a majority ends its streams", "[faults][own-etcd]") {
  EtcdCluster cluster;
  const auto etcd = connect_for_test({cluster.member(0).endpoint()});
  WatchLog watch(*etcd, {KeyRange::one("/a")});
  REQUIRE(watch.established());
  cluster.member(1).kill();
  cluster.member(2).kill();
  REQUIRE(watch.has_ended());
  CHECK(watch.end()->code == ErrorCode::kUnavailable);
}

TEST_CASE("destroyed while everything is under way", "[faults][own-etcd]") {
  EtcdProcess server;
  std::atomic<int> answers{0};
  std::atomic<bool> destroyed{false};
  std::atomic<int> after{0};
  auto etcd = connect_for_test({server.endpoint()});
  REQUIRE(etcd->lease_grant(31, 60s, {}));
  const auto count = [&](const auto&) { ++(destroyed ? after : answers); };

  SECTION("with etcd up") {}
  SECTION("with etcd hung") {
    server.pause();
  }
  SECTION("with etcd down") {
    server.kill();
  }

  std::vector<std::unique_ptr<Watch>> watches;
  for (int i = 0; i < 20; ++i) {
    etcd->lease_keep_alive(31, kNever, count);
    watches.push_back(etcd->watch({KeyRange::one("/a"), 1}, [&](const auto&) {
      if (destroyed) ++after;
    }));
  }
  const auto begin = Clock::now();
  etcd.reset();
  destroyed = true;
  CHECK(Clock::now() - begin < kSoon);
  CHECK(answers == 20);  // each exactly once
  watches.clear();       // may outlive their Etcd
  CHECK(after == 0);
}

TEST_CASE("destroyed before it has signed in", "[faults][own-etcd]") {
  EtcdProcess server;
  server.pause();
  EtcdOptions options;
  options.endpoints = {server.endpoint()};
  options.user = "worker";
  options.password = "secret";
  auto etcd = connect(options).value();
  auto answer = start_keep_alive(*etcd, 1, kNever);
  auto watch = etcd->watch({KeyRange::one("/a")}, [](const auto&) {});
  const auto begin = Clock::now();
  etcd.reset();
  CHECK(Clock::now() - begin < kSoon);
  CHECK(answer.get().error().code == ErrorCode::kCancelled);
}

// gRPC crashes when its last channel goes on a thread of its own; see live_calls.h.
TEST_CASE("connected and destroyed again and again", "[faults][own-etcd]") {
  const EtcdProcess server;
  for (int round = 0; round < 50; ++round) {
    auto etcd = connect_for_test({server.endpoint()});
    auto answer = start_keep_alive(*etcd, 1, kNever);
    WatchLog watch(*etcd, {KeyRange::one("/a"), 0});
    if (round % 2 == 0) CHECK(watch.established());
    if (round % 3 == 0) CHECK(answer.get());
    etcd.reset();
  }
}

TEST_CASE("a destroyed watch is silent", "[faults][own-etcd]") {
  const EtcdProcess server;
  const auto etcd = connect_for_test({server.endpoint()});
  std::jthread writer([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) (void)try_put(*etcd, "/busy", "x");
  });
  int heard = 0;
  for (int round = 0; round < 150; ++round) {
    auto alive = std::make_shared<std::atomic<bool>>(true);
    std::atomic<int> calls{0};
    std::atomic<int> late{0};
    auto watch = etcd->watch({KeyRange::one("/busy"), 0}, [&, alive](const auto&) {
      if (!*alive) ++late;
      ++calls;
    });
    if (round % 3 != 0) eventually([&] { return calls > round % 3; });
    watch.reset();
    *alive = false;
    heard += calls;
    CHECK(late == 0);
  }
  CHECK(heard >= 150);  // they were destroyed while they had something to say
}

TEST_CASE("a thousand calls at once", "[faults]") {
  const auto etcd = connect_for_test();
  const auto prefix = random_prefix();
  constexpr int kCalls = 1000;
  std::atomic<int> good{0};
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < kCalls; ++i) {
      callers.emplace_back([&, i] {
        const auto key = prefix + std::to_string(i);
        Txn txn;
        txn.compares.push_back(Compare::absent(key));
        txn.success.emplace_back(PutRequest{key, "x", 0});
        const auto reply = etcd->txn(txn, {.timeout = 30s});
        if (reply && reply->succeeded) ++good;
      });
    }
  }
  CHECK(good == kCalls);
  RangeRequest all;
  all.keys = KeyRange::prefix(prefix);
  all.count_only = true;
  CHECK(etcd->range(all, {})->count == kCalls);
  Txn cleanup;
  cleanup.success.emplace_back(DeleteRequest{KeyRange::prefix(prefix)});
  CHECK(etcd->txn(cleanup, {}));
}

// Exit status of a forked child; -1: a signal ended it, or we had to.
int status_of(pid_t child) {
  int status = 0;
  if (!eventually(20s, [&] { return ::waitpid(child, &status, WNOHANG) == child; })) {
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_CASE("a forked child may destroy an Etcd and its watch", "[faults]") {
  auto etcd = connect_for_test();
  const auto key = random_prefix() + "fork";
  auto watch = std::make_unique<WatchLog>(*etcd, WatchRequest{KeyRange::one(key)});
  REQUIRE(watch->established());
  const pid_t child = ::fork();
  if (child == 0) {
    watch.reset();
    etcd.reset();
    ::_exit(0);
  }
  CHECK(status_of(child) == 0);
  CHECK(try_put(*etcd, key, "x"));  // the parent's goes on
  CHECK(watch->has_events(1));
}

// What a call in the child gives, as the child's exit status: 0 all errors, at once.
int calls_in_a_fork(Etcd& etcd) {
  const auto refuses = [](const auto& reply) { return !reply && reply.error().code == ErrorCode::kInvalidArgument; };
  if (!refuses(etcd.range({KeyRange::one("a")}, {}))) return 1;
  if (!refuses(etcd.txn({}, {}))) return 2;
  if (!refuses(etcd.lease_grant(1, 5s, {}))) return 3;
  if (!refuses(etcd.lease_revoke(1, {}))) return 4;
  bool refused = false;
  etcd.lease_keep_alive(1, 1s, [&](const Result<KeepAliveReply>& reply) { refused = refuses(reply); });
  if (!refused) return 5;
  refused = false;
  const auto watch =
      etcd.watch({KeyRange::one("a")}, [&](const Result<WatchBatch>& batch) { refused = refuses(batch); });
  if (!refused) return 6;
  if (!refuses(connect({}))) return 7;
  auto claimer = SlotClaimer(std::shared_ptr<Etcd>(&etcd, [](Etcd*) {}), *PatternTemplate::parse("w{{.ID}}.", 2), {});
  Record record;
  record.ipv4.push_back({127, 0, 0, 1});
  return refuses(claimer.claim(record)) ? 0 : 8;
}

TEST_CASE("every call in a forked child is an error at once", "[faults]") {
  const auto etcd = connect_for_test();
  REQUIRE(try_put(*etcd, random_prefix() + "fork", "x"));
  const pid_t child = ::fork();
  if (child == 0) ::_exit(calls_in_a_fork(*etcd));
  CHECK(status_of(child) == 0);
}

TEST_CASE("keep-alives of a thousand leases", "[faults][own-etcd]") {
  const EtcdProcess server;
  const auto etcd = connect_for_test({server.endpoint()});
  constexpr LeaseId kLeases = 1000;
  for (LeaseId lease = 1; lease <= kLeases; ++lease) REQUIRE(etcd->lease_grant(lease, 60s, {}));
  std::vector<KeepAliveFuture> answers;
  for (LeaseId lease = 1; lease <= kLeases + 1; ++lease) answers.push_back(start_keep_alive(*etcd, lease, kNever));
  for (LeaseId lease = 1; lease <= kLeases; ++lease) {
    CHECK(answers[static_cast<std::size_t>(lease - 1)].get()->ttl == 60s);
  }
  CHECK(answers.back().get()->ttl == 0s);  // never granted: gone, and no error
}

}  // namespace
}  // namespace idetcd::testing
