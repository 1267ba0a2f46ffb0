// What the daemon's options promise, seen from outside.
#include <signal.h>

#include <atomic>
#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "common/system/exit_status.h"
#include "support/eventually.h"
#include "support/http_get.h"
#include "support/notify_socket.h"
#include "support/program.h"

using namespace idetcd::testing;
using namespace idetcd::app;
using namespace std::chrono_literals;

namespace {

// Flags for one more daemon of the pool at `path`.
std::vector<std::string> flags(const std::string& path, const std::string& address,
                               std::vector<std::string> more = {}) {
  std::vector<std::string> all{"--endpoints", test_endpoints().front(),  "--path",      path,
                               "--pattern",   "worker{{.ID}}.tf.local.", "--advertise", address};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("who the server is, and what it runs, is told as configured", "[options]") {
  const auto tells = [](std::vector<std::string> more, const std::string& name) {
    more.insert(more.end(), {"--no-claim", "--endpoints", test_endpoints().front(), "--path", random_prefix(),
                             "--pattern", "worker{{.ID}}.tf.local."});
    Resolver resolver(more);
    const std::string command =
        "dig @127.0.0.1 -p " + std::to_string(resolver.port()) + " +time=30 +tries=1 CH TXT " + name;
    FILE* const pipe = popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    std::string text;
    for (char line[256]; std::fgets(line, sizeof line, pipe) != nullptr;) text += line;
    pclose(pipe);
    return text;
  };
  if (std::system("command -v dig > /dev/null") != 0) return;
  CHECK(has(tells({}, "version.bind"), "\"idetcd-resolver "));
  CHECK(has(tells({"--server-version", "7"}, "version.bind"), "\"7\""));
  CHECK(has(tells({"--server-version", "none"}, "version.bind"), "REFUSED"));
  CHECK(has(tells({"--nsid", "node7"}, "id.server"), "\"node7\""));
  CHECK(has(tells({}, "id.server"), "REFUSED"));
}

// IDETCD_TEST_RESTARTS says how often; tests/bench/restart.sh asks for 100.
unsigned restarts() {
  const char* asked = std::getenv("IDETCD_TEST_RESTARTS");
  return asked ? static_cast<unsigned>(std::atoi(asked)) : 5;
}

TEST_CASE("a node killed, or stopped with on-stop keep, has its name back at a restart, and DNS sees no gap",
          "[restart]") {
  const auto [signal, on_stop] = GENERATE(std::pair(SIGKILL, "release"), std::pair(SIGTERM, "keep"));
  CAPTURE(signal, on_stop);
  const std::string path = random_prefix();
  const TemporaryFolder state("state");
  Resolver witness(flags(path, "127.0.0.1", {"--no-claim"}));
  Resolver other(flags(path, "10.0.0.1"));
  REQUIRE(other.name() == "worker1.tf.local.");
  const auto start = [&, on_stop = on_stop] {
    return std::make_unique<Resolver>(
        flags(path, "10.0.0.2", {"--ttl", "60s", "--on-stop", on_stop, "--state-dir", state.path().string()}));
  };
  auto node = start();
  REQUIRE(node->name() == "worker2.tf.local.");
  REQUIRE(eventually([&] { return answer(witness.port(), "worker2.tf.local.") == "10.0.0.2"; }));

  const std::uint16_t port = witness.port();
  std::atomic<unsigned> gaps{0};
  std::jthread prober([&, port](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      if (answer(port, "worker2.tf.local.") != "10.0.0.2") ++gaps;
      std::this_thread::sleep_for(5ms);  // leaves the processor to the daemons
    }
  });
  for (unsigned i = 0; i < restarts(); ++i) {
    node->program().signal(signal);
    REQUIRE(node->program().wait_for(kPatience));
    node = start();
    CHECK(node->name() == "worker2.tf.local.");
  }
  prober.request_stop();
  prober.join();
  CHECK(gaps == 0);
}

TEST_CASE("on-stop keep needs a state-dir", "[restart]") {
  Resolver node(flags(random_prefix(), "10.0.0.1", {"--on-stop", "keep"}));
  CHECK(node.program().wait_for(kPatience) == idetcd::app::kExitUsage);
  CHECK(node.program().errors().find("--on-stop: keep needs state-dir") != std::string::npos);
}

// Neither a hang nor an abort, whatever the bound: either all that it needs is there or it says so.
TEST_CASE("with little memory the daemon runs, or ends with 71 and says why") {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they map terabytes
  const auto kibibytes = GENERATE(100'000, 200'000, 300'000, 400'000, 600'000);
  CAPTURE(kibibytes);
  std::vector<std::string> argv{
      "/bin/sh", "-c", "ulimit -v \"$1\" && shift && exec \"$@\"", "sh", std::to_string(kibibytes), IDETCD_RESOLVER};
  for (std::string& flag : flags(random_prefix(), "10.0.0.1", {"--listen", "127.0.0.1:0"}))
    argv.push_back(std::move(flag));
  Program program({.argv = std::move(argv)});
  REQUIRE(eventually([&] { return !program.running() || program.errors().find("claimed ") != std::string::npos; }));
  if (program.running()) {
    program.signal(SIGTERM);
    CHECK(program.wait_for(kPatience) == 0);
  } else {
    CHECK(program.wait_for(kPatience) == kExitOs);
    CHECK(program.errors().find("raise the limits on threads and memory") != std::string::npos);
  }
#endif
}

TEST_CASE("a state directory that cannot be made costs the memory, not the name") {
  Resolver node(flags(random_prefix(), "10.0.0.1", {"--state-dir", "/proc/no/such/directory"}));
  CHECK(node.name() == "worker1.tf.local.");
  CHECK(node.program().errors().find("going on without, so a restart will not resume the name") != std::string::npos);
}

// On a full file system of its own, in a mount namespace of its own.
TEST_CASE("a state directory without room costs the memory, not the name") {
  if (std::system("unshare --mount true 2>/dev/null") != 0) {
    WARN("not root, or no mount namespaces here: left out");
    return;
  }
  const idetcd::testing::TemporaryFolder folder("full");
  std::vector<std::string> argv{
      "/usr/bin/unshare",
      "--mount",
      "sh",
      "-c",
      R"(mount -t tmpfs -o size=4k tmpfs "$0" && { head -c 64k /dev/zero >"$0/filler" 2>/dev/null; exec "$@"; })",
      folder.path().string(),
      IDETCD_RESOLVER,
      "--listen",
      "127.0.0.1:0"};
  for (auto& flag : flags(random_prefix(), "10.0.0.1", {"--state-dir", folder.path().string()})) argv.push_back(flag);
  Program node({.argv = argv});
  CHECK(eventually([&] { return node.errors().find("claimed worker1.tf.local.") != std::string::npos; }));
  CHECK(node.errors().find("No space left on device") != std::string::npos);
  CHECK(node.errors().find("serving") != std::string::npos);
  CHECK(node.running());
}

TEST_CASE("a sticky node that was dead for longer than its lease has its name back, and nobody took it") {
  const std::string path = random_prefix();
  const std::vector<std::string> sticky{"--ttl", "2s", "--node-id", "host-1", "--sticky", "1m"};
  Resolver witness(flags(path, "127.0.0.1", {"--no-claim"}));
  auto node = std::make_unique<Resolver>(flags(path, "10.0.0.1", sticky));
  REQUIRE(node->name() == "worker1.tf.local.");
  REQUIRE(eventually([&] { return answer(witness.port(), "worker1.tf.local.") == "10.0.0.1"; }));
  node->program().signal(SIGKILL);
  REQUIRE(eventually([&] { return answer(witness.port(), "worker1.tf.local.") == "NXDOMAIN"; }));
  Resolver newcomer(flags(path, "10.0.0.9"));
  CHECK(newcomer.name() == "worker2.tf.local.");
  node = std::make_unique<Resolver>(flags(path, "10.0.0.1", sticky));
  CHECK(node->name() == "worker1.tf.local.");
}

TEST_CASE("a node id that is in use ends the second daemon, and the first is named") {
  const std::string path = random_prefix();
  Resolver first(flags(path, "10.0.0.1", {"--node-id", "twin"}));
  REQUIRE_FALSE(first.name().empty());
  Resolver second(flags(path, "10.0.0.2", {"--node-id", "twin"}));
  CHECK(second.program().wait_for(kPatience) == kExitConfig);
  INFO(second.program().errors());
  CHECK(has(second.program().errors(), "twin"));
  CHECK(has(second.program().errors(), "10.0.0.1"));
  CHECK(first.program().running());
}

TEST_CASE("a name overwritten by a node without transactions is given up, as --on-lost says") {
  const std::string path = random_prefix();
  const auto etcd = connect_for_test();
  const auto overwrite = [&](const std::string& name) {
    idetcd::Txn txn;
    txn.success.emplace_back(idetcd::PutRequest{path + name, R"({"ipv4":"10.9.9.9","ipv6":"","port":"53"})"});
    REQUIRE(etcd->txn(txn, {}));
  };
  Resolver reclaims(flags(path, "10.0.0.1"));
  REQUIRE(reclaims.name() == "worker1.tf.local.");
  Resolver serves(flags(path, "10.0.0.2", {"--on-lost", "serve-only"}));
  REQUIRE(serves.name() == "worker2.tf.local.");
  Resolver exits(flags(path, "10.0.0.3", {"--on-lost", "exit"}));
  REQUIRE(exits.name() == "worker3.tf.local.");

  for (const char* name : {"worker1.tf.local.", "worker2.tf.local.", "worker3.tf.local."}) overwrite(name);
  CHECK(exits.program().wait_for(kPatience) == kExitTryLater);
  CHECK(eventually([&] { return has(serves.program().errors(), "still serving, without a name"); }));
  CHECK(answer(serves.port(), "worker1.tf.local.") == "10.9.9.9");
  CHECK(eventually([&] { return reclaims.name() == "worker4.tf.local."; }));
}

TEST_CASE("environment and Corefile configure as flags do, in their order") {
  const std::string path = random_prefix();
  const std::string corefile = ".:1 {\n  idetcd {\n    endpoint " + test_endpoints().front() +
                               "\n    pattern file{{.ID}}.tf.local.\n    limit 7\n    path " + path +
                               "\n    advertise 10.0.0.1\n  }\n}\n";
  Program node({.argv = {IDETCD_RESOLVER, "--listen", "127.0.0.1:0"},
                .variables = {{"IDETCD_LIMIT", "3"}, {"ETCDCTL_ENDPOINTS", ""}},
                .corefile = corefile});
  CHECK(eventually([&] { return has(node.errors(), "claimed file1.tf.local. -> 10.0.0.1 (advertise); slot 1 of 3"); }));
}

TEST_CASE("who waits tells its place and is not ready") {
  const std::string path = random_prefix();
  Resolver holder(flags(path, "10.0.0.1", {"--limit", "1"}));
  REQUIRE_FALSE(holder.name().empty());
  Resolver waiter(flags(path, "10.0.0.2", {"--limit", "1", "--on-full", "wait", "--metrics", "127.0.0.1:0"}));
  REQUIRE(eventually([&] { return has(waiter.program().errors(), "waiting for one at position 1"); }));
  const std::string output = waiter.program().errors();
  const std::string mark = "metrics on 127.0.0.1:";
  REQUIRE(has(output, mark));
  const auto port = static_cast<std::uint16_t>(std::atoi(output.c_str() + output.find(mark) + mark.size()));
  const std::string line = "\nidetcd_claim_queue_position{pool=\"worker{{.ID}}.tf.local.\"} ";
  CHECK(eventually([&] { return has(http_get(port, "/metrics"), line + "1\n"); }));
  const std::string waiting = http_get(port, "/ready");
  CHECK(has(waiting, " 503 "));
  CHECK(has(waiting, "NOT READY\nok: worker{{.ID}}.tf.local.: records read\nok: "));
  CHECK(has(waiting, "not ready: worker{{.ID}}.tf.local.: no name yet, at position 1 of the queue\n"));
  holder.program().signal(SIGTERM);
  REQUIRE(waiter.name() == "worker1.tf.local.");
  CHECK(eventually([&] { return has(http_get(port, "/metrics"), line + "0\n"); }));
  CHECK(eventually([&] { return has(http_get(port, "/ready"), " 200 "); }));
}

TEST_CASE("metrics and readiness") {
  const std::string path = random_prefix();
  Resolver node(flags(path, "10.0.0.1", {"--metrics", "127.0.0.1:0"}));
  REQUIRE_FALSE(node.name().empty());
  const std::string output = node.program().errors();
  const std::string mark = "metrics on 127.0.0.1:";
  REQUIRE(has(output, mark));
  const auto port = static_cast<std::uint16_t>(std::atoi(output.c_str() + output.find(mark) + mark.size()));
  CHECK(eventually([&] { return has(http_get(port, "/ready"), " 200 "); }));
  CHECK(eventually([&] { return answer(node.port(), node.name()) == "10.0.0.1"; }));
  const std::string metrics = http_get(port, "/metrics");
  CHECK(has(metrics, "\nidetcd_claim_held{pool=\"worker{{.ID}}.tf.local.\"} 1\n"));
  CHECK(has(metrics, "\nidetcd_claim_slot{pool=\"worker{{.ID}}.tf.local.\"} 1\n"));
  CHECK(has(metrics, "\nidetcd_pool_members{pool=\"worker{{.ID}}.tf.local.\"} 1\n"));
  CHECK_FALSE(has(metrics, "idetcd_dns_queries_total{transport=\"udp\"} 0\n"));
  CHECK(has(http_get(port, "/nothing"), " 404 "));
}

TEST_CASE("a service manager is told when the name is claimed") {
  const TemporaryFolder folder("notify");
  const NotifySocket manager(folder.path() / "notify");
  Resolver node(flags(random_prefix(), "10.0.0.1"), {{"NOTIFY_SOCKET", manager.path()}});
  CHECK(manager.next() == "READY=1\nSTATUS=serving as worker1.tf.local.");
}

TEST_CASE("the name server's address is one at which the server listens, not the advertised one") {
  Resolver node(flags(random_prefix(), "10.0.0.1"));
  REQUIRE(node.name() == "worker1.tf.local.");
  CHECK(answer(node.port(), "ns.tf.local.") == "127.0.0.1");
  CHECK(answer(node.port(), "worker1.tf.local.") == "10.0.0.1");
}

TEST_CASE("a password of the command line does not stay in the process list", "[password]") {
  const std::vector<std::vector<std::string>> ways{{"--user", "root:hunter2"},
                                                   {"--user=root:hunter2"},
                                                   {"--user", "root", "--password", "hunter2"},
                                                   {"--user", "root", "--password=hunter2"}};
  for (std::vector<std::string> more : ways) {
    more.insert(more.end(), {"--endpoints", "http://127.0.0.1:1", "--pattern", "worker{{.ID}}.tf.local."});
    Resolver node(more);
    REQUIRE(node.port() != 0);
    std::ostringstream shown;
    shown << std::ifstream("/proc/" + std::to_string(node.program().pid()) + "/cmdline").rdbuf();
    CAPTURE(more, shown.str());
    CHECK(has(shown.str(), "root"));
    CHECK_FALSE(has(shown.str(), "hunter2"));
  }
  Program wrong({.argv = {IDETCD_RESOLVER, "--password", "my", "hunter2"}});
  CHECK(wrong.wait_for(kPatience) == kExitUsage);
  CHECK_FALSE(has(wrong.errors(), "hunter2"));
}

TEST_CASE("allow and deny decide who is answered") {
  const std::string path = random_prefix();
  Resolver open(flags(path, "10.0.0.1", {"--allow", "127.0.0.0/8"}));
  Resolver closed(flags(path, "10.0.0.2", {"--deny", "127.0.0.0/8"}));
  REQUIRE_FALSE(open.name().empty());
  REQUIRE_FALSE(closed.name().empty());
  CHECK(eventually([&] { return answer(open.port(), open.name()) == "10.0.0.1"; }));
  CHECK(answer(closed.port(), open.name()) == "REFUSED");
}

TEST_CASE("a pool name answers with all members") {
  const std::string path = random_prefix();
  Resolver node(flags(path, "10.0.0.1", {"--pool-name", "all.tf.local."}));
  REQUIRE_FALSE(node.name().empty());
  CHECK(eventually([&] { return answer(node.port(), "all.tf.local.") == "10.0.0.1"; }));
}
