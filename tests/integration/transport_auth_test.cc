// User and password: signing in, tokens that end, rights that change.
#include <catch2/catch.hpp>

#include <cstdlib>

#include "integration/tries.h"
#include "support/test_certificates.h"

namespace idetcd::testing {
namespace {

using namespace std::chrono_literals;

const std::string kRoot = "--user=root:root-secret";

// Users root (all) and worker (keys under /w/), and no call without one of them.
void turn_auth_on(const EtcdProcess& server) {
  server.etcdctl({"user", "add", "root:root-secret"});
  server.etcdctl({"user", "grant-role", "root", "root"});
  server.etcdctl({"user", "add", "worker:secret"});
  server.etcdctl({"role", "add", "worker"});
  server.etcdctl({"role", "grant-permission", "worker", "readwrite", "--prefix=true", "/w/"});
  server.etcdctl({"user", "grant-role", "worker", "worker"});
  server.etcdctl({"auth", "enable"});
}

std::shared_ptr<Etcd> sign_in(const EtcdProcess& server, std::string user = "worker", std::string password = "secret") {
  EtcdOptions options;
  options.endpoints = {server.endpoint()};
  options.user = std::move(user);
  options.password = std::move(password);
  return connect(options).value();
}

TEST_CASE("signing in", "[auth][own-etcd]") {
  const EtcdProcess server;
  turn_auth_on(server);

  SECTION("opens calls and streams") {
    const auto etcd = sign_in(server);
    REQUIRE(try_put(*etcd, "/w/a", "1"));
    REQUIRE(etcd->lease_grant(5, 20s, {}));
    CHECK(keep_alive(*etcd, 5)->ttl == 20s);
    WatchLog watch(*etcd, {KeyRange::one("/w/a"), 1});
    CHECK(watch.has_events(1));
    CHECK(etcd->lease_revoke(5, {}));
  }
  SECTION("works when a stream is the first to want it") {
    const auto etcd = sign_in(server);
    WatchLog watch(*etcd, {KeyRange::one("/w/a")});
    CHECK(watch.established());
  }
  SECTION("a wrong password names the user") {
    const auto reply = try_get(*sign_in(server, "worker", "guess"), "/w/a");
    REQUIRE_FALSE(reply);
    CHECK(reply.error().code == ErrorCode::kDenied);
    CHECK_THAT(reply.error().message, Catch::Contains("\"worker\"") && Catch::Contains("password"));
  }
  SECTION("a wrong password ends streams too") {
    const auto etcd = sign_in(server, "worker", "guess");
    WatchLog watch(*etcd, {KeyRange::one("/w/a")});
    REQUIRE(watch.has_ended());
    CHECK(watch.end()->code == ErrorCode::kDenied);
    CHECK(keep_alive(*etcd, 5).error().code == ErrorCode::kDenied);
  }
  SECTION("nobody gets in without") {
    const auto reply = try_get(*connect_for_test({server.endpoint()}), "/w/a");
    REQUIRE_FALSE(reply);
    CHECK(reply.error().code == ErrorCode::kDenied);
    CHECK_THAT(reply.error().message, Catch::Contains("user"));
  }
  SECTION("keys that are not granted are denied") {
    const auto etcd = sign_in(server);
    CHECK(try_put(*etcd, "/other", "1").error().code == ErrorCode::kDenied);
    WatchLog watch(*etcd, {KeyRange::one("/other")});
    REQUIRE(watch.has_ended());
    CHECK(watch.end()->code == ErrorCode::kDenied);
    CHECK(try_put(*etcd, "/w/a", "1"));  // and the rest goes on
  }
}

TEST_CASE("a user where etcd has no auth on", "[auth][own-etcd]") {
  const EtcdProcess server;
  const auto etcd = sign_in(server);
  REQUIRE(try_put(*etcd, "/w/a", "1"));
  turn_auth_on(server);
  CHECK(try_put(*etcd, "/w/a", "2"));  // turned on under way
}

TEST_CASE("a token that etcd has forgotten is renewed", "[auth][own-etcd]") {
  EtcdProcess server;
  turn_auth_on(server);
  const auto etcd = sign_in(server);
  REQUIRE(try_put(*etcd, "/w/a", "1"));
  server.kill();
  server.start();  // simple tokens live in its memory

  // The first tries may still meet the broken connection.
  SECTION("by a call") {
    CHECK(eventually([&] { return try_get(*etcd, "/w/a").has_value(); }));
  }
  SECTION("by a watch") {
    CHECK(eventually([&] {
      WatchLog watch(*etcd, {KeyRange::one("/w/a")});
      return eventually([&] { return !watch.batches().empty() || watch.end(); }) && !watch.end();
    }));
  }
  CHECK(try_put(*etcd, "/w/a", "2"));
}

TEST_CASE("changed rights make tokens old", "[auth][own-etcd]") {
  const EtcdProcess server;
  turn_auth_on(server);
  const auto etcd = sign_in(server);
  REQUIRE(try_put(*etcd, "/w/a", "1"));
  server.etcdctl({kRoot, "role", "grant-permission", "worker", "readwrite", "/more"});

  SECTION("for calls") {
    CHECK(try_put(*etcd, "/more", "2"));
  }
  SECTION("for a watch on a new stream") {
    WatchLog watch(*etcd, {KeyRange::one("/more")});
    CHECK(watch.established());
  }
  SECTION("for a watch on the old stream, and the others stay on it") {
    WatchLog before(*etcd, {KeyRange::one("/w/b")});
    REQUIRE(before.established());
    server.etcdctl({kRoot, "role", "grant-permission", "worker", "readwrite", "/yet-more"});
    WatchLog after(*etcd, {KeyRange::one("/yet-more")});
    CHECK(after.established());
    REQUIRE(try_put(*etcd, "/w/b", "2"));
    CHECK(before.has_events(1));
    CHECK_FALSE(before.end());
  }
}

TEST_CASE("tokens that run out while calls go on", "[auth][own-etcd]") {
  const TemporaryFolder folder("jwt");
  const auto key = (folder.path() / "key.pem").string();
  const auto public_key = (folder.path() / "public.pem").string();
  REQUIRE(std::system(("openssl genrsa -out " + key + " 2048 2>/dev/null && openssl rsa -in " + key + " -pubout -out " +
                       public_key + " 2>/dev/null")
                          .c_str()) == 0);
  const EtcdProcess server(
      {.extra = {"--auth-token=jwt,pub-key=" + public_key + ",priv-key=" + key + ",sign-method=RS256,ttl=1s"}});
  turn_auth_on(server);
  const auto etcd = sign_in(server);
  const auto end = std::chrono::steady_clock::now() + 3s;  // three tokens' lives
  int calls = 0;
  for (; std::chrono::steady_clock::now() < end; ++calls) REQUIRE(try_put(*etcd, "/w/a", std::to_string(calls)));
  CHECK(calls > 10);
  WatchLog watch(*etcd, {KeyRange::one("/w/a"), 1});
  CHECK(watch.has_events(10));
}

TEST_CASE("many that sign in together", "[auth][own-etcd]") {
  const EtcdProcess server;
  turn_auth_on(server);
  const auto etcd = sign_in(server);
  std::vector<std::future<Status>> puts;
  for (int i = 0; i < 200; ++i) {
    puts.push_back(std::async(std::launch::async, [&, i] { return try_put(*etcd, "/w/" + std::to_string(i), "x"); }));
  }
  for (auto& each : puts) CHECK(each.get());
}

}  // namespace
}  // namespace idetcd::testing
