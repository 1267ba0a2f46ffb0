// How the programs behave towards the person who runs them.
#include <unistd.h>

#include <catch2/catch.hpp>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/system/exit_status.h"
#include "support/etcd_process.h"
#include "support/eventually.h"
#include "support/http_get.h"
#include "support/program.h"

using namespace idetcd::testing;
using namespace idetcd::app;
using namespace std::chrono_literals;

namespace {

// Flags for one more daemon of the pool at `path`.
std::vector<std::string> flags(const std::string& path, std::vector<std::string> more = {}) {
  std::vector<std::string> all{"--endpoints", test_endpoints().front(),  "--path",      path,
                               "--pattern",   "worker{{.ID}}.tf.local.", "--advertise", "10.0.0.1"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::uint16_t metrics_port(Resolver& node) {
  const std::string mark = "metrics on 127.0.0.1:";
  eventually([&] { return has(node.program().errors(), mark); });
  const std::string output = node.program().errors();
  return static_cast<std::uint16_t>(std::atoi(output.c_str() + output.find(mark) + mark.size()));
}

}  // namespace

TEST_CASE("signals that mean nothing yet are logged, and the name is kept") {
  Resolver node(flags(random_prefix()));
  REQUIRE(node.name() == "worker1.tf.local.");
  const std::vector<std::pair<int, std::string>> signals{{SIGHUP, "received SIGHUP: reloading the configuration"},
                                                         {SIGUSR1, "received SIGUSR1: reloading the configuration"},
                                                         {SIGUSR2, "received SIGUSR2, which has no effect"},
                                                         {SIGPIPE, "received SIGPIPE, which has no effect"}};
  for (const auto& [number, message] : signals) {
    CAPTURE(message);
    node.program().signal(number);
    CHECK(eventually([&] { return has(node.program().errors(), message); }));
    REQUIRE(node.program().running());
  }
  CHECK(answer(node.port(), "worker1.tf.local.") == "10.0.0.1");
  node.program().signal(SIGTERM);
  CHECK(node.program().wait_for(kPatience) == 0);
}

TEST_CASE("a node that was ready stays ready while etcd is away, until max-stale") {
  EtcdProcess etcd;
  const auto start = [&](const std::string& role, std::vector<std::string> more) {
    more.insert(more.end(), {"--endpoints", etcd.endpoint(), "--pattern", role + "{{.ID}}.tf.local.", "--advertise",
                             "10.0.0.1", "--metrics", "127.0.0.1:0", "--ttl", "2s"});
    return Resolver(std::move(more));
  };
  Resolver for_ever = start("w", {});
  Resolver bounded = start("b", {"--max-stale", "1s"});
  REQUIRE(for_ever.name() == "w1.tf.local.");
  REQUIRE(bounded.name() == "b1.tf.local.");
  const std::uint16_t port = metrics_port(for_ever);
  const std::uint16_t bounded_port = metrics_port(bounded);
  CHECK(eventually([&] { return has(http_get(port, "/ready"), "READY\nok: w{{.ID}}.tf.local.: records read\n"); }));
  CHECK(has(http_get(port, "/ready"), "ok: w{{.ID}}.tf.local.: name held (slot 1)\n"));
  etcd.kill();
  CHECK(eventually([&] { return has(http_get(bounded_port, "/ready"), " 503 "); }));
  CHECK(has(http_get(bounded_port, "/ready"), "not ready: b{{.ID}}.tf.local.: etcd unreachable for "));
  CHECK(
      eventually([&] { return has(http_get(port, "/ready"), "ok: w{{.ID}}.tf.local.: name held before, and lost"); }));
  const std::string reply = http_get(port, "/ready");
  CHECK(has(reply, " 200 "));
  CHECK(has(reply, "ok: w{{.ID}}.tf.local.: etcd unreachable for "));
  CHECK(answer(for_ever.port(), "w1.tf.local.") == "10.0.0.1");
}

TEST_CASE("a node tells which addresses it publishes, and why; loopback with a warning") {
  const std::vector<std::string> pool{"--endpoints", test_endpoints().front(), "--path", random_prefix(),
                                      "--pattern",   "worker{{.ID}}.tf.local."};
  const auto start = [&](std::vector<std::string> more) {
    more.insert(more.end(), pool.begin(), pool.end());
    return Resolver(std::move(more));
  };
  Resolver given = start({"--advertise", "10.0.0.7,fd00::7"});
  REQUIRE_FALSE(given.name().empty());
  CHECK(has(given.program().errors(), "claimed worker1.tf.local. -> 10.0.0.7, fd00::7 (advertise); slot 1 of 10"));
  CHECK_FALSE(has(given.program().errors(), "publishing"));
  Resolver filtered = start({"--interface", "lo", "--cidr", "127.0.0.0/8"});
  REQUIRE_FALSE(filtered.name().empty());
  CHECK(has(filtered.program().errors(), "claimed worker2.tf.local. -> 127.0.0.1 (lo, interface or cidr); slot 2"));
  if (::geteuid() != 0 || std::system("unshare --net ip link set lo up 2> /dev/null") != 0) return;
  // A machine with loopback only, and no etcd: what is published is told before it is claimed.
  Program alone(
      {.argv = {"unshare", "--net", "sh", "-c", "ip link set lo up; exec \"$@\"", "sh", IDETCD_COMPANION, "exec",
                "--endpoints", "http://127.0.0.1:1", "--pattern", "worker{{.ID}}.tf.local.", "--", "true"}});
  CHECK(eventually([&] { return has(alone.errors(), "(lo, loopback): no other machine reaches it; set advertise"); }));
}

TEST_CASE("max-wait bounds the wait for an etcd that is away") {
  const std::vector<std::string> wait{
      "--endpoints", "http://127.0.0.1:1", "--pattern", "worker{{.ID}}.tf.local.", "--on-full",
      "wait",        "--max-wait",         "1s"};
  Resolver daemon(wait);
  CHECK(daemon.program().wait_for(kPatience) == kExitUnavailable);
  CHECK(has(daemon.program().errors(), "idetcd-resolver: --max-wait: no name in 1 s, because etcd does not answer"));
  std::vector<std::string> argv{IDETCD_COMPANION, "exec"};
  argv.insert(argv.end(), wait.begin(), wait.end());
  argv.insert(argv.end(), {"--", "echo", "it ran"});
  Program exec({.argv = argv});
  CHECK(exec.wait_for(kPatience) == kExitUnavailable);
  CHECK(has(exec.errors(), "idetcd: --max-wait: no name in 1 s, because etcd does not answer"));
  CHECK(exec.output().empty());
}

TEST_CASE("a name that came in time outlives max-wait") {
  Resolver node(flags(random_prefix(), {"--on-full", "wait", "--max-wait", "1s", "--metrics", "127.0.0.1:0"}));
  REQUIRE(node.name() == "worker1.tf.local.");
  std::this_thread::sleep_for(1500ms);  // nothing happens, so there is nothing to wait for
  CHECK(node.program().running());
}

TEST_CASE("exec refuses on-lost, which it would ignore, but not in a Corefile") {
  Program flag({.argv = {IDETCD_COMPANION, "exec", "--on-lost", "exit", "--pattern", "w{{.ID}}.x.", "--", "true"}});
  CHECK(flag.wait_for(kPatience) == kExitUsage);
  CHECK(has(flag.errors(), "idetcd: --on-lost: has no effect here"));
  Program file({.argv = {IDETCD_COMPANION, "exec", "--endpoints", test_endpoints().front(), "--path", random_prefix(),
                         "--advertise", "10.0.0.1", "--", "true"},
                .corefile = ". {\n  idetcd {\n    pattern w{{.ID}}.x.\n    on-lost exit\n  }\n}\n"});
  CHECK(file.wait_for(kPatience) == 0);
}

TEST_CASE("allow takes single addresses") {
  const std::string path = random_prefix();
  Resolver open(flags(path, {"--no-claim", "--allow", "127.0.0.1"}));
  Resolver closed(flags(path, {"--no-claim", "--allow", "192.0.2.1"}));
  CHECK(eventually([&] { return answer(open.port(), "worker1.tf.local.") == "NXDOMAIN"; }));
  CHECK(answer(closed.port(), "worker1.tf.local.") == "REFUSED");
}

TEST_CASE("a variable of ours that means nothing is logged, and a mistyped subcommand is guessed") {
  Resolver node(flags(random_prefix()), {{"IDETCD_LIMITS", "5"}, {"IDETCD_ENDPOINT", "http://127.0.0.1:1"}});
  REQUIRE(node.name() == "worker1.tf.local.");
  CHECK(
      has(node.program().errors(), "IDETCD_LIMITS is not a setting and has no effect; did you mean \"IDETCD_LIMIT\"?"));
  CHECK_FALSE(has(node.program().errors(), "IDETCD_ENDPOINT "));
  Program lss({.argv = {IDETCD_COMPANION, "exce"}});
  CHECK(lss.wait_for(kPatience) == kExitUsage);
  CHECK(has(lss.errors(), "did you mean \"exec\"?"));
}

TEST_CASE("a full pool is told in the ancestor's words and in ours") {
  const std::string path = random_prefix();
  Resolver holder(flags(path, {"--limit", "1"}));
  REQUIRE_FALSE(holder.name().empty());
  Resolver late(flags(path, {"--limit", "1"}));
  CHECK(late.program().wait_for(kPatience) == kExitTryLater);
  INFO(late.program().errors());
  CHECK(has(late.program().errors(), "idetcd-resolver: Could not have more than 1 nodes in your cluster: "));
}

TEST_CASE("everything is in one log, a loss once, and in JSON if asked to") {
  const std::string path = random_prefix();
  Resolver node(flags(path, {"--on-lost", "serve-only"}));
  REQUIRE(node.name() == "worker1.tf.local.");
  idetcd::Txn txn;
  txn.success.emplace_back(idetcd::PutRequest{path + "worker1.tf.local.", R"({"ipv4":"10.9.9.9"})"});
  REQUIRE(connect_for_test()->txn(txn, {}));
  REQUIRE(eventually([&] { return has(node.program().errors(), "still serving, without a name"); }));
  const std::string log = node.program().errors();
  CHECK(log.find(" lost: ") == log.rfind(" lost: "));
  CHECK_FALSE(has(log, "lost the name"));
  CHECK(node.program().output().empty());

  Program json({.argv = {IDETCD_RESOLVER, "--log-format", "json", "--endpoints", "http://127.0.0.1:1", "--listen",
                         "127.0.0.1:0", "--pattern", "w{{.ID}}.x.", "--on-full", "wait", "--max-wait", "1s"}});
  CHECK(json.wait_for(kPatience) == kExitUnavailable);
  std::istringstream lines(json.errors());
  std::string last;
  for (std::string line; std::getline(lines, line); last = line) CHECK(line.rfind("{\"time\":\"", 0) == 0);
  CHECK(has(last, "\"level\":\"error\",\"message\":\"--max-wait: no name in 1 s"));
}

TEST_CASE("ls in a command of exec needs no flags") {
  std::vector<std::string> argv{IDETCD_COMPANION, "exec", "--limit", "3"};
  for (std::string& flag : flags(random_prefix())) argv.push_back(std::move(flag));
  argv.insert(argv.end(), {"--", "sh", "-c", "echo at $IDETCD_ADDRESS; exec " IDETCD_COMPANION " ls"});
  Program exec({.argv = argv});
  CHECK(exec.wait_for(kPatience) == 0);
  INFO(exec.output() << exec.errors());
  CHECK(exec.output().rfind("at 10.0.0.1\nSLOT  NAME ", 0) == 0);
  CHECK(has(exec.output(), "\n1     worker1.tf.local.  "));
  CHECK(has(exec.output(), "\n1 of 3 names taken, 0 waiting\n"));
}

TEST_CASE("ls finds the pools, and shows them in every format") {
  const EtcdProcess etcd;
  const auto start = [&](const std::string& pattern, std::vector<std::string> more) {
    more.insert(more.end(), {"--endpoints", etcd.endpoint(), "--pattern", pattern, "--advertise", "10.0.0.1,fd00::1",
                             "--srv", "grpc=2222"});
    return Resolver(std::move(more));
  };
  const auto ls = [&](std::vector<std::string> more) {
    std::vector<std::string> argv{IDETCD_COMPANION, "ls", "--endpoints", etcd.endpoint()};
    argv.insert(argv.end(), more.begin(), more.end());
    Program program({.argv = argv});
    program.wait_for(kPatience);
    return program.output() + program.errors();
  };
  CHECK(has(ls({}), "no pattern is set, and no node of a pool is in this etcd"));
  Resolver worker = start("worker{{.ID}}.tf.local.", {"--node-id", "host-1"});
  Resolver server = start("ps{{.ID}}.tf.local.", {"--path", "/names/", "--limit", "1", "--node-id", "host-2"});
  REQUIRE(worker.name() == "worker1.tf.local.");
  REQUIRE(server.name() == "ps1.tf.local.");
  Resolver late = start("ps{{.ID}}.tf.local.", {"--path", "/names/", "--limit", "1", "--on-full", "wait"});
  REQUIRE(eventually([&] { return has(ls({}), "1 of 1 names taken, 1 waiting"); }));
  const std::string all = ls({});
  INFO(all);
  CHECK(has(all, "/names/ps{{.ID}}.tf.local.\nSLOT  NAME "));
  CHECK(has(all, "\nworker{{.ID}}.tf.local.\nSLOT  NAME "));
  CHECK(has(all, "\n1 names taken, 0 waiting\n"));
  CHECK(has(ls({"-o", "name"}), "ps1.tf.local.\nworker1.tf.local.\n"));
  CHECK(has(ls({"-o", "hosts"}), "10.0.0.1\tworker1.tf.local\nfd00::1\tworker1.tf.local\n"));
  CHECK(has(ls({"-o", "jsonl"}), "\n{\"pattern\":\"worker{{.ID}}.tf.local.\",\"path\":\"\",\"slot\":1,"));
  CHECK(has(ls({"-o", "wide"}), "  20s  grpc=2222  -"));
  CHECK(ls({"-o", "json"}).rfind("[\n", 0) == 0);
  CHECK(has(ls({"--pattern", "ps{{.ID}}.tf.local.", "--path", "/names/", "--limit", "4"}),
            "waits with the limit 1, not 4; give all nodes the same limit"));
}

TEST_CASE("what another node wrote cannot forge a row of ls") {
  const std::string path = random_prefix();
  idetcd::Txn txn;
  txn.success.emplace_back(
      idetcd::PutRequest{path + "worker1.tf.local.", R"({"ipv4":"10.9.9.9","node":"x\u001b[2J\nforged"})"});
  REQUIRE(connect_for_test()->txn(txn, {}));
  std::vector<std::string> argv{IDETCD_COMPANION, "ls", "--endpoints", test_endpoints().front(),
                                "--path",         path, "--pattern",   "worker{{.ID}}.tf.local."};
  Program table({.argv = argv});
  CHECK(table.wait_for(kPatience) == 0);
  CHECK(has(table.output(), "\n1     worker1.tf.local.  x\\x1b[2J\\x0aforged  10.9.9.9\n"));
  argv.insert(argv.end(), {"-o", "json"});
  Program json({.argv = argv});
  CHECK(json.wait_for(kPatience) == 0);
  CHECK(has(json.output(), R"("node": "x\u001b[2J\nforged")"));
}

TEST_CASE("a demo that is interrupted says so with its status, and leaves nothing behind") {
  const TemporaryFolder temporary("tmp");
  Program demo(
      {.argv = {IDETCD_COMPANION, "demo", "--nodes", "2"}, .variables = {{"TMPDIR", temporary.path().string()}}});
  REQUIRE(eventually([&] { return has(demo.output(), "Killing worker2.tf.local."); }));
  demo.signal(SIGINT);
  CHECK(demo.wait_for(kPatience) == 128 + SIGINT);
  CHECK(std::filesystem::is_empty(temporary.path()));
}
