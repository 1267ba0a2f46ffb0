// Members that hang, proxies, and what becomes of keep-alives and watches then.
#include <catch2/catch.hpp>

#include <algorithm>
#include <future>
#include <mutex>

#include "scripted_etcd.h"
#include "support/etcd_steps.h"
#include "support/eventually.h"

namespace idetcd::testing {
namespace {

using namespace std::chrono_literals;

// Two members, and the one that a first keep-alive goes to.
struct TwoMembers {
  ScriptedEtcd a, b;
  std::shared_ptr<Etcd> etcd = connect_for_test({a.endpoint(), b.endpoint()});
  std::future<Result<KeepAliveReply>> first = ask(*etcd, 1, kPatience);
  ScriptedEtcd* used = nullptr;
  ScriptedEtcd* other = nullptr;

  TwoMembers() {
    REQUIRE(eventually([&] { return a.lease.requests().size() + b.lease.requests().size() == 1; }));
    used = a.lease.requests().empty() ? &b : &a;
    other = used == &a ? &b : &a;
  }

  // Asks until a request goes to the other member: the used one has been silent for too long then.
  std::future<Result<KeepAliveReply>> ask_other() {
    std::future<Result<KeepAliveReply>> last;
    REQUIRE(eventually([&] {
      last = ask(*etcd, 1, kPatience);
      return eventually(50ms, [&] { return !other->lease.requests().empty(); });
    }));
    return last;
  }
};

TEST_CASE("a keep-alive goes to another member when one is silent, and its late answer counts all the same") {
  TwoMembers members;
  auto second = members.ask_other();
  REQUIRE(members.other->lease.answer_lease(1, 20));
  CHECK(second.get()->ttl == 20s);
  CHECK(members.first.wait_for(0s) == std::future_status::timeout);
  REQUIRE(members.used->lease.answer_lease(1, 19));
  CHECK(members.first.get()->ttl == 19s);
  // The member that answered is the one in use now.
  const auto before = members.other->lease.requests().size();
  auto third = ask(*members.etcd, 2, kPatience);
  REQUIRE(members.other->lease.has_requests(before + 1));
}

// The leader that was cut off is the used one: it refuses new streams, and says nothing on its old
// one. The others were asked while they had no leader either, and are stuck.
TEST_CASE("a member that refuses new streams is not all that is asked when every member is late") {
  ScriptedEtcd a, b, c;
  const auto etcd = connect_for_test({a.endpoint(), b.endpoint(), c.endpoint()});
  const std::vector<ScriptedEtcd*> all{&a, &b, &c};
  const auto opened = [&] { return a.lease.opened() + b.lease.opened() + c.lease.opened(); };
  std::vector<std::future<Result<KeepAliveReply>>> unanswered;
  const auto ask_until = [&](const auto& condition) {
    return eventually([&] {
      unanswered.push_back(ask(*etcd, 1, kPatience));
      return eventually(50ms, condition);
    });
  };
  unanswered.push_back(ask(*etcd, 1, kPatience));
  REQUIRE(eventually([&] { return opened() == 1; }));
  ScriptedEtcd& used = **std::find_if(all.begin(), all.end(), [](auto* each) { return each->lease.opened() == 1; });
  used.lease.refuses = true;
  for (auto* each : all) {
    if (each == &used) continue;
    REQUIRE(ask_until([&] { return each->lease.opened() == 1; }));
  }
  for (auto* each : all) {
    if (each == &used) continue;
    REQUIRE(ask_until([&] { return each->lease.opened() >= 2; }));
  }
}

TEST_CASE("the watches of a member that keep-alives have left end") {
  TwoMembers members;
  const WatchLog log(*members.etcd, {KeyRange::one("a"), 0});
  REQUIRE(members.used->watch.has_requests(1));
  REQUIRE(members.used->watch.answer_created(members.used->watch.id_of(0)));
  REQUIRE(log.established());
  auto second = members.ask_other();
  REQUIRE(members.other->lease.answer_lease(1, 20));
  REQUIRE(log.has_ended());
  CHECK(log.end()->code == ErrorCode::kUnavailable);
  const WatchLog next(*members.etcd, {KeyRange::one("a"), 0});
  CHECK(members.other->watch.has_requests(1));
}

TEST_CASE("behind a proxy, which gives watches ids of its own, what is left of a lease is asked for") {
  ScriptedEtcd server;
  const auto etcd = connect_for_test({server.endpoint()});
  const WatchLog log(*etcd, {KeyRange::one("a"), 0});
  REQUIRE(server.watch.has_requests(1));
  const auto id = server.watch.id_of(0);
  const bool proxy = GENERATE(true, false);
  REQUIRE(server.watch.answer_created(proxy ? id - 1 : id));
  REQUIRE(log.established());
  server.lease.left = 3;
  auto asked = ask(*etcd, 1, kPatience);
  REQUIRE(server.lease.has_requests(1));
  REQUIRE(server.lease.answer_lease(1, 20));
  const auto reply = asked.get();
  REQUIRE(reply);
  CHECK(reply->ttl == 20s);
  CHECK(reply->left == (proxy ? std::optional(3s) : std::nullopt));
  CHECK(server.lease.questions == (proxy ? 1 : 0));
  // The proxy's id counts for events and for cancelling.
  REQUIRE(server.watch.answer_events(proxy ? id - 1 : id, {7}));
  CHECK(log.has_events(1));
}

TEST_CASE("a lease that is gone behind a proxy is gone, whatever the proxy remembers") {
  ScriptedEtcd server;
  server.lease.left = -1;
  const auto etcd = connect_for_test({server.endpoint()});
  auto asked = ask(*etcd, 1, kPatience);
  REQUIRE(server.lease.has_requests(1));
  REQUIRE(server.lease.answer_lease(1, 20));
  CHECK(asked.get()->ttl == 0s);
}

TEST_CASE("a quiet watch is told that its member lives, and ends when that proof does not come") {
  ScriptedEtcd server;
  const auto etcd = connect_for_test({server.endpoint()});
  WatchRequest request{KeyRange::one("a"), 0};
  request.prove_every = 50ms;
  const WatchLog log(*etcd, request);
  const WatchLog quiet(*etcd, {KeyRange::one("b"), 0});  // did not ask for it
  REQUIRE(server.watch.has_requests(2));
  REQUIRE(server.watch.answer_created(server.watch.id_of(0)));
  REQUIRE(server.watch.answer_created(server.watch.id_of(1)));
  REQUIRE(eventually([&] { return log.batches().size() >= 3; }));
  CHECK(quiet.batches().size() == 1);
  server.kv.hangs = true;
  REQUIRE(log.has_ended());
  CHECK(log.end()->code == ErrorCode::kUnavailable);
  server.kv.hangs = false;
}

TEST_CASE("a quiet watch moves to a member that answers when its own does not") {
  ScriptedEtcd a, b;
  const auto etcd = connect_for_test({a.endpoint(), b.endpoint()});
  WatchRequest request{KeyRange::one("a"), 0};
  request.prove_every = 50ms;
  const WatchLog log(*etcd, request);
  REQUIRE(eventually([&] { return a.watch.requests().size() + b.watch.requests().size() == 1; }));
  ScriptedEtcd& used = a.watch.requests().empty() ? b : a;
  ScriptedEtcd& other = &used == &a ? b : a;
  REQUIRE(used.watch.answer_created(used.watch.id_of(0)));
  REQUIRE(log.established());
  other.kv.to_lose = 1;
  used.kv.hangs = true;
  REQUIRE(log.has_ended());
  CHECK(log.end()->code == ErrorCode::kUnavailable);
  CHECK(other.kv.reads >= 2);
  const WatchLog next(*etcd, request);
  CHECK(other.watch.has_requests(1));
  used.kv.hangs = false;
}

TEST_CASE("a version of etcd that may end living leases is warned of, once") {
  std::mutex mutex;
  std::vector<std::string> warnings;
  ScriptedEtcd server("3.4.23");
  EtcdOptions options;
  options.endpoints = {server.endpoint()};
  options.log = [&](LogLevel level, std::string_view text) {
    const std::lock_guard lock(mutex);
    if (level == LogLevel::kWarning) warnings.emplace_back(text);
  };
  auto etcd = connect(options);
  REQUIRE(etcd);
  for (std::size_t request = 1; request <= 2; ++request) {
    auto asked = ask(**etcd, 1, kPatience);
    REQUIRE(server.lease.has_requests(request));
    REQUIRE(server.lease.answer_lease(1, 20));
    REQUIRE(asked.get());
  }
  const auto count = [&] {
    const std::lock_guard lock(mutex);
    return warnings.size();
  };
  REQUIRE(eventually([&] { return count() > 0; }));
  etcd->reset();
  CHECK(count() == 1);
  CHECK(warnings.front().find("15247") != std::string::npos);
}

}  // namespace
}  // namespace idetcd::testing
