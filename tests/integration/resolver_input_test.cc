// Wrong input: each has its message and its exit status.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "common/system/exit_status.h"
#include "support/program.h"

using namespace idetcd::testing;
using namespace idetcd::app;

namespace {

struct Refusal {
  std::vector<std::string> arguments;
  std::string corefile;
  int status;
  std::string message;  // a part of stderr
};

void check_refused(const Refusal& refusal) {
  std::vector<std::string> argv{IDETCD_RESOLVER};
  argv.insert(argv.end(), refusal.arguments.begin(), refusal.arguments.end());
  Program program({.argv = argv, .corefile = refusal.corefile});
  const auto status = program.wait_for(kPatience);
  const std::string errors = program.errors();
  INFO("printed: " << errors << "\nexpected: " << refusal.message);
  CHECK(status == refusal.status);
  CHECK(errors.find(refusal.message) != std::string::npos);
  CHECK(("\n" + errors).find("\nidetcd-resolver: ") != std::string::npos);
  CHECK(program.errors().find("claimed ") == std::string::npos);
}

std::string corefile(const std::string& lines) {
  return ". {\n    idetcd {\n" + lines + "\n    }\n}\n";
}

const std::string kPattern = "worker{{.ID}}.tf.local.";

}  // namespace

TEST_CASE("bad patterns") {
  check_refused({{"--pattern", "worker.tf.local."}, "", kExitUsage, "--pattern: "});
  check_refused({{"--pattern", "worker{{.ID.tf.local."}, "", kExitUsage, "unclosed action"});
  check_refused({{"--pattern", "worker{{.Foo}}.tf.local."}, "", kExitUsage, ".Foo"});
  check_refused({{"--pattern", std::string(60, 'w') + "{{printf \"%09d\" .ID}}.x."}, "", kExitUsage, "63"});
  check_refused({{}, corefile("pattern worker{{.ID.tf.local."), kExitConfig, "Corefile:3: pattern: "});
  check_refused({{}, "", kExitUsage, "no pattern is set"});
}

TEST_CASE("bad limits") {
  check_refused({{"--pattern", kPattern, "--limit", "0"}, "", kExitUsage, "--limit: 0 is out of range"});
  check_refused({{"--pattern", kPattern, "--limit", "-1"}, "", kExitUsage, "--limit: -1 is out of range"});
  check_refused(
      {{"--pattern", kPattern, "--limit", "1000000000"}, "", kExitUsage, "--limit: 1000000000 is out of range"});
  check_refused({{"--pattern", kPattern, "--limit", "1e9"}, "", kExitUsage, "--limit: \"1e9\" is not a whole number"});
  check_refused(
      {{"--pattern", kPattern, "--limit", "five"}, "", kExitUsage, "--limit: \"five\" is not a whole number"});
  check_refused({{}, corefile("limit five"), kExitConfig, "Corefile:3: limit: \"five\" is not a whole number"});
}

TEST_CASE("bad endpoints") {
  check_refused({{"--pattern", kPattern, "--endpoints", ""}, "", kExitUsage, "--endpoints: the list is empty"});
  check_refused(
      {{"--pattern", kPattern, "--endpoints", "http://127.0.0.1:99999"}, "", kExitUsage, "bad port \"99999\""});
  check_refused(
      {{}, corefile("pattern worker{{.ID}}.tf.local.\nendpoint http://127.0.0.1:x"), kExitConfig, "bad port \"x\""});
  check_refused({{"--pattern", kPattern, "--endpoints", "https://a:1,http://b:2"}, "", kExitUsage, "https"});
  check_refused({{"--pattern", kPattern, "--endpoints", "https://a:1", "--cacert", "/no/such/file"},
                 "",
                 kExitUsage,
                 "/no/such/file"});
}

TEST_CASE("bad networks and addresses are shown where they were set") {
  check_refused(
      {{"--pattern", kPattern, "--reverse", "10.0.0.0/9"}, "", kExitUsage, "--reverse: reverse zone \"10.0.0.0/9\""});
  check_refused(
      {{"--pattern", kPattern, "--allow", "10.0.0.1/8"}, "", kExitUsage, "--allow: \"10.0.0.1/8\" is not a network"});
  check_refused({{"--listen", "127.0.0.1:0"},
                 corefile("pattern " + kPattern + "\nreverse 10.0.0.0/9"),
                 kExitConfig,
                 "Corefile:4: reverse: reverse zone \"10.0.0.0/9\""});
  check_refused({{}, corefile("pattern " + kPattern + "\ncidr 10.0.0.1/8"), kExitConfig, "Corefile:4: cidr: "});
  check_refused({{}, corefile("pattern " + kPattern + "\nlisten localhost:53"), kExitConfig, "Corefile:4: listen: "});
  check_refused({{},
                 corefile("pattern " + kPattern + "\ninterface nosuch0"),
                 kExitConfig,
                 "Corefile:4: interface: no interface \"nosuch0\" is up; those that are: "});
}

TEST_CASE("bad claim options are shown where they were set") {
  check_refused({{"--pattern", kPattern, "--ttl", "1"}, "", kExitUsage, "--ttl: ttl is 1 s"});
  check_refused({{}, corefile("pattern " + kPattern + "\nnode-id a/b"), kExitConfig, "Corefile:4: node-id: "});
}

TEST_CASE("bad Corefiles") {
  check_refused(
      {{},
       corefile("limit 5\nlimits 6"),
       kExitConfig,
       "Corefile:4: unknown directive \"limits\"; did you mean \"limit\"? known in an idetcd block: endpoint "});
  check_refused({{},
                 ". {\n    idetcd {\n        limit 5\n",
                 kExitConfig,
                 "Corefile:2: the idetcd block opened here is never closed"});
  check_refused(
      {{}, corefile("limit 5 6"), kExitConfig, "Corefile:3: limit: 2 arguments, at most 1 expected; remove \"6\""});
  check_refused({{"--conf", "/no/such/Corefile"}, "", kExitConfig, "/no/such/Corefile: cannot be read: No such file"});
}

TEST_CASE("unknown and incomplete flags") {
  check_refused({{"--patern", kPattern}, "", kExitUsage, "--patern; did you mean \"--pattern\"?; see --help"});
  check_refused({{"--limits=5"}, "", kExitUsage, "did you mean \"--limit\"?"});
  check_refused({{"--pattern"}, "", kExitUsage, "--pattern"});
  check_refused({{"surplus"}, "", kExitUsage, "surplus"});
  check_refused({{"--dev", "--endpoints", "http://a:1"}, "", kExitUsage, "--endpoints: --dev starts a private etcd"});
}

TEST_CASE("https to an etcd that speaks plain http is refused, not tried for ever") {
  if (uses_outside_etcd()) return;
  const std::string endpoint = test_endpoints().front();
  check_refused({{"--pattern", kPattern, "--listen", "127.0.0.1:0", "--endpoints", "https" + endpoint.substr(4)},
                 "",
                 kExitUnavailable,
                 "TLS"});
}

TEST_CASE("a port in use ends the daemon before it takes a name") {
  const std::string prefix = random_prefix();
  const int taken = ::socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in own{};
  own.sin_family = AF_INET;
  own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::bind(taken, reinterpret_cast<const sockaddr*>(&own), sizeof own) == 0);
  socklen_t length = sizeof own;
  ::getsockname(taken, reinterpret_cast<sockaddr*>(&own), &length);
  const std::string address = "127.0.0.1:" + std::to_string(ntohs(own.sin_port));
  check_refused(
      {{"--pattern", kPattern, "--endpoints", test_endpoints().front(), "--path", prefix, "--listen", address},
       "",
       kExitOs,
       "cannot listen on " + address + " (UDP): integration_res (process " + std::to_string(::getpid()) +
           ") uses it; stop that, or choose another address, e.g. --listen "});
  ::close(taken);
  const auto left = connect_for_test()->range({.keys = idetcd::KeyRange::prefix(prefix)}, {});
  REQUIRE(left);
  CHECK(left->kvs.empty());
}

TEST_CASE("help and version are not errors") {
  Program help({.argv = {IDETCD_RESOLVER, "--help"}});
  CHECK(help.wait_for(kPatience) == 0);
  CHECK(help.output().find("Examples:") != std::string::npos);
  CHECK(help.output().find("  75  ") != std::string::npos);
  Program version({.argv = {IDETCD_RESOLVER, "--version"}});
  CHECK(version.wait_for(kPatience) == 0);
  CHECK(version.output().rfind("idetcd-resolver ", 0) == 0);
}
