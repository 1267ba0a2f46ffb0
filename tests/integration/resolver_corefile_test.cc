// Daemons with a Corefile as users of CoreDNS have it.
#include <signal.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "common/system/exit_status.h"
#include "common/system/free_ports.h"
#include "support/eventually.h"
#include "support/http_get.h"
#include "support/program.h"

using namespace idetcd::testing;
using idetcd::app::kExitConfig;
using idetcd::app::kExitUsage;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string body_of(const std::string& reply) {
  const auto head = reply.find("\r\n\r\n");
  return head == std::string::npos ? "no reply" : reply.substr(head + 4);
}

// The lines of an idetcd block.
std::string pool(const std::string& path, const std::string& pattern) {
  return "  idetcd {\n    endpoint " + test_endpoints().front() + "\n    path " + path +
         "\n    ttl 5s\n    advertise 10.0.0.1\n    pattern " + pattern + "\n  }\n";
}

// A daemon on ports of its own; by its Corefile alone.
class Daemon {
 public:
  Daemon(const std::string& corefile, std::vector<std::string> arguments = {},
         std::map<std::string, std::string> variables = {})
      : program_({.argv = argv_of(std::move(arguments)), .variables = std::move(variables), .corefile = corefile}) {}

  Program& program() { return program_; }
  bool says(const std::string& part) {
    eventually([&] { return has(program_.errors(), part) || !program_.running(); });
    return has(program_.errors(), part);
  }

 private:
  static std::vector<std::string> argv_of(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), IDETCD_RESOLVER);
    return arguments;
  }

  Program program_;
};

}  // namespace

TEST_CASE("server blocks answer by port and longest zone, and a claim belongs to one") {
  const auto ports = idetcd::app::free_loopback_ports(2);
  const std::string a = std::to_string(ports[0]);
  const std::string b = std::to_string(ports[1]);
  const std::string path = random_prefix();
  Daemon daemon(
      "(local) {\n  bind 127.0.0.1\n}\n"
      ".:" +
      a + " {\n  import local\n" + pool(path, "w{{.ID}}.tf.local.") +
      "}\n"
      "who.tf.local:" +
      a +
      " {\n  import local\n  whoami\n}\n"
      "ps.tf.local:" +
      b + " {\n  import local\n" + pool(path, "ps{{.ID}}.ps.tf.local.") + "}\n");
  REQUIRE(daemon.says("claimed w1.tf.local. -> "));
  REQUIRE(daemon.says("claimed ps1.ps.tf.local. -> "));
  CHECK(eventually([&] { return answer(ports[0], "w1.tf.local.") == "10.0.0.1"; }));
  CHECK(eventually([&] { return answer(ports[1], "ps1.ps.tf.local.") == "10.0.0.1"; }));
  CHECK(answer(ports[0], "ps1.ps.tf.local.") == "NXDOMAIN");  // of the first block's zone, which has no such name
  CHECK(answer(ports[1], "w1.tf.local.") == "REFUSED");
  CHECK(answer(ports[1], "nothing.ps.tf.local.") == "NXDOMAIN");
  CHECK(answer(ports[0], "w1.who.tf.local.") == "NOERROR");  // the longer zone is another block's
  CHECK(answer(ports[0], "example.org.") == "REFUSED");
  CHECK(daemon.says("serving tf.local., who.tf.local. on 127.0.0.1:" + a));
  CHECK(daemon.says("serving ps.tf.local. on 127.0.0.1:" + b));
  daemon.program().signal(SIGTERM);
  CHECK(daemon.program().wait_for(kPatience) == 0);
  CHECK(daemon.program().trouble().empty());
}

TEST_CASE("health, ready, prometheus and log as CoreDNS has them") {
  const auto ports = idetcd::app::free_loopback_ports(4);
  const auto at = [&](std::size_t i) { return "127.0.0.1:" + std::to_string(ports[i]); };
  Daemon daemon(".:" + std::to_string(ports[0]) + " {\n  bind 127.0.0.1\n  errors\n  log\n  health " + at(1) +
                " {\n    lameduck 1s\n  }\n  ready " + at(2) + "\n  prometheus " + at(3) + "\n  cache 30\n" +
                pool(random_prefix(), "w{{.ID}}.tf.local.") + "}\n");
  REQUIRE(daemon.says("claimed w1.tf.local. -> "));
  CHECK(
      daemon.says("warning: Corefile:1: cache has no effect without forward: every answer comes from memory already"));
  CHECK(eventually([&] { return body_of(http_get(ports[2], "/ready")) == "OK"; }));
  CHECK(body_of(http_get(ports[1], "/health")) == "OK");
  CHECK(has(http_get(ports[1], "/ready"), " 404 "));
  CHECK(has(http_get(ports[3], "/metrics"), "idetcd_claim_held{pool=\"w{{.ID}}.tf.local.\"} 1"));
  CHECK(eventually([&] { return answer(ports[0], "w1.tf.local.") == "10.0.0.1"; }));
  CHECK(answer(ports[0], "w2.tf.local.") == "NXDOMAIN");
  CHECK(daemon.says("\"A IN w2.tf.local. udp "));
  CHECK(daemon.says("\" NXDOMAIN qr,aa"));
  daemon.program().signal(SIGTERM);
  CHECK(daemon.says("serving on for 1000 ms (lameduck)"));
  CHECK(answer(ports[0], "example.org.") == "REFUSED");
  CHECK(body_of(http_get(ports[1], "/health")) == "OK");
  CHECK(daemon.program().wait_for(kPatience) == 0);
}

TEST_CASE("acl and chaos decide by what was asked") {
  const auto ports = idetcd::app::free_loopback_ports(1);
  Daemon daemon(".:" + std::to_string(ports[0]) + " {\n  bind 127.0.0.1\n  acl w2.tf.local {\n    block\n  }\n" +
                "  acl {\n    filter type AAAA\n    allow net 127.0.0.0/8\n    block\n  }\n" +
                pool(random_prefix(), "w{{.ID}}.tf.local.") + "}\n");
  REQUIRE(daemon.says("claimed w1.tf.local. -> "));
  CHECK(eventually([&] { return answer(ports[0], "w1.tf.local.") == "10.0.0.1"; }));
  CHECK(answer(ports[0], "w2.tf.local.") == "REFUSED");
  CHECK(answer_v6(ports[0], "w3.tf.local.") == "NOERROR");
  CHECK(answer(ports[0], "w3.tf.local.") == "NXDOMAIN");
}

TEST_CASE("CoreDNS' flags are understood, and --check finds what a start would") {
  const auto run = [](const std::string& corefile, std::vector<std::string> arguments,
                      std::map<std::string, std::string> variables = {}) {
    Daemon daemon(corefile, std::move(arguments), std::move(variables));
    const auto status = daemon.program().wait_for(kPatience);
    return std::pair(status.value_or(-1), daemon.program().output() + daemon.program().errors());
  };
  const std::string good =
      ". {\n  idetcd {\n    endpoint {$ETCD}\n    user root:secret\n    pattern w{{.ID}}.x.\n  }\n}\n";
  const std::map<std::string, std::string> etcd{{"ETCD", "http://127.0.0.1:1"}};
  CHECK(run(good, {"--check"}, etcd) ==
        std::pair(
            0, std::string("Corefile: the configuration is valid; claims a name of w{{.ID}}.x.; listens on *:53\n")));
  CHECK(has(run(good, {"-conf", "Corefile", "-dns.port=1053", "--check"}, etcd).second, "listens on *:1053"));
  CHECK(run(good, {"--check"}).first == kExitConfig);
  CHECK(has(run("", {"-version"}).second, "idetcd-resolver "));
  CHECK(has(run("", {"-plugins"}).second, "  dns.idetcd\n"));
  CHECK(run("", {"-dns.port", "0"}).first == kExitUsage);

  const auto text = run(good, {"--print-config"}, etcd).second;
  CHECK(has(text, "endpoints       http://127.0.0.1:1                       Corefile:3: endpoint\n"));
  CHECK(has(text, "password        ***                                      Corefile:4: user\n"));
  CHECK(has(text, "limit           10                                       default\n"));
  const auto json = run(good, {"--print-config", "json"}, etcd).second;
  CHECK(has(json, "\"origin\": \"Corefile:5: pattern\",\n        \"value\": \"w{{.ID}}.x.\""));
  CHECK_FALSE(has(text + json, "secret"));

  const auto refused = [&](const std::string& corefile, const std::string& message) {
    const auto [status, output] = run(corefile, {"--check"});
    CAPTURE(output);
    CHECK(status == kExitConfig);
    CHECK(has(output, message));
  };
  refused("a.org {\n  idetcd {\n    pattern w{{.ID}}.x.\n  }\n}\n",
          "Corefile:3: pattern: the names of w{{.ID}}.x. lie in x., outside of the server block at Corefile:1, which "
          "answers for a.org. only");
  refused("x {\n  idetcd {\n    pattern w{{.ID}}.x.\n    reverse 10.0.0.0/8\n  }\n}\n",
          "Corefile:4: reverse: no server block answers for \"10.0.0.0/8\"");
  refused(". {\n  forward . 10.0.0.1\n  transfer\n  idetcd {\n    pattern w{{.ID}}.x.\n  }\n}\n",
          "Corefile:3: transfer: zone transfer is not built yet");
}
