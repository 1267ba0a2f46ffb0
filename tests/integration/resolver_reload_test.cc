// The configuration of a running daemon, changed.
#include <signal.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <thread>

#include "common/system/exit_status.h"
#include "common/system/free_ports.h"
#include "common/system/temporary_folder.h"
#include "support/eventually.h"
#include "support/program.h"

using namespace idetcd::testing;

namespace {

std::size_t times(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// A daemon, and the Corefile that it was started with.
class Reloaded {
 public:
  explicit Reloaded(const std::string& corefile)
      : folder_(idetcd::app::TemporaryFolder::create("idetcd-reload-").value()), program_([&] {
          write(corefile);
          return ProgramCommand{.argv = {IDETCD_RESOLVER, "--conf", file()}};
        }()) {}

  void write(const std::string& corefile) { std::ofstream(file(), std::ios::trunc) << corefile; }
  Program& program() { return program_; }
  bool says(const std::string& part, std::size_t count = 1) {
    return eventually([&] { return times(program_.errors(), part) >= count || !program_.running(); }) &&
           times(program_.errors(), part) >= count;
  }
  bool reload(const std::string& corefile) {
    write(corefile);
    const std::size_t before = times(program_.errors(), "reloaded: ");
    program_.signal(SIGHUP);
    return says("reloaded: ", before + 1);
  }

 private:
  std::string file() const { return (folder_.path() / "Corefile").string(); }

  idetcd::app::TemporaryFolder folder_;
  Program program_;
};

struct Ports {
  std::vector<std::uint16_t> all = idetcd::app::free_loopback_ports(2);
  std::string a = std::to_string(all[0]);
  std::string b = std::to_string(all[1]);
};

std::string pool(const std::string& path, const std::string& pattern, const std::string& more = {}) {
  return "  idetcd {\n    endpoint " + test_endpoints().front() + "\n    path " + path +
         "\n    ttl 5s\n    advertise 10.0.0.1\n    pattern " + pattern + "\n" + more + "  }\n";
}

std::string block(const std::string& keys, const std::string& lines) {
  return keys + " {\n  bind 127.0.0.1\n" + lines + "}\n";
}

}  // namespace

TEST_CASE("a reload changes what is served, and the claim stays", "[reload]") {
  const Ports ports;
  const std::string ours = pool(random_prefix(), "w{{.ID}}.tf.local.");
  Reloaded daemon(block(".:" + ports.a, ours));
  REQUIRE(daemon.says("claimed w1.tf.local."));
  REQUIRE(answer(ports.all[0], "w1.tf.local.") == "10.0.0.1");

  SECTION("another address, another block and another rule") {
    REQUIRE(daemon.reload(block(".:" + ports.a, "  acl {\n    block type A\n  }\n" + ours) +
                          block("b.org:" + ports.b, "  whoami\n")));
    CHECK(answer(ports.all[0], "w1.tf.local.") == "REFUSED");
    CHECK(answer(ports.all[1], "x.b.org.") != "no answer");
    REQUIRE(daemon.reload(block(".:" + ports.b, ours)));
    CHECK(answer(ports.all[1], "w1.tf.local.") == "10.0.0.1");
    CHECK(times(daemon.program().errors(), "claimed ") == 1);
    CHECK(daemon.says("reloaded: 1 pools kept, 0 new, 0 ended"));
  }

  SECTION("another pool") {
    REQUIRE(daemon.reload(block(".:" + ports.a, pool(random_prefix(), "v{{.ID}}.tf.local.") + ours)));
    CHECK(daemon.says("claimed v1.tf.local."));
    CHECK(eventually([&] { return answer(ports.all[0], "v1.tf.local.") == "10.0.0.1"; }));
    CHECK(times(daemon.program().errors(), "claimed w1") == 1);
  }
  daemon.program().signal(SIGTERM);
  CHECK(daemon.program().wait_for(kPatience) == 0);
}

TEST_CASE("addresses and metadata of a reloaded pool are published without another claim", "[reload]") {
  const Ports ports;
  const std::string path = random_prefix();
  Reloaded daemon(block(".:" + ports.a, pool(path, "w{{.ID}}.tf.local.")));
  REQUIRE(daemon.says("claimed w1.tf.local."));
  std::string moved = pool(path, "w{{.ID}}.tf.local.");
  moved.replace(moved.find("10.0.0.1"), 8, "10.0.0.2");
  REQUIRE(daemon.reload(block(".:" + ports.a, moved)));
  CHECK(eventually([&] { return answer(ports.all[0], "w1.tf.local.") == "10.0.0.2"; }));
  CHECK(times(daemon.program().errors(), "claimed ") == 1);
}

TEST_CASE("a pool that was changed is claimed anew, and one that is gone gives its name back", "[reload]") {
  const Ports ports;
  const std::string path = random_prefix();
  Reloaded daemon(block(".:" + ports.a, pool(path, "w{{.ID}}.tf.local.")));
  REQUIRE(daemon.says("claimed w1.tf.local."));
  REQUIRE(daemon.reload(block(".:" + ports.a, pool(path, "v{{.ID}}.tf.local."))));
  CHECK(daemon.says("claimed v1.tf.local."));
  CHECK(answer(ports.all[0], "w1.tf.local.") == "NXDOMAIN");
  CHECK(daemon.says("reloaded: 0 pools kept, 1 new, 1 ended"));
}

TEST_CASE("a wrong file, or an address that is taken, leaves everything as it was", "[reload]") {
  const Ports ports;
  const std::string ours = pool(random_prefix(), "w{{.ID}}.tf.local.");
  Reloaded daemon(block(".:" + ports.a, ours));
  REQUIRE(daemon.says("claimed w1.tf.local."));
  daemon.write(block(".:" + ports.a, ours + "  acll\n"));
  daemon.program().signal(SIGUSR1);
  CHECK(daemon.says("not reloaded, the old configuration stays"));
  CHECK(daemon.says("Unknown directive 'acll'"));

  Resolver other({"--endpoints", test_endpoints().front(), "--path", random_prefix(), "--no-claim"});
  const auto taken = other.port();
  daemon.write(block(".:" + std::to_string(taken), ours));
  daemon.program().signal(SIGUSR1);
  CHECK(daemon.says("not reloaded, the old configuration stays", 2));
  CHECK(answer(ports.all[0], "w1.tf.local.") == "10.0.0.1");
  CHECK(times(daemon.program().errors(), "claimed ") == 1);
}

TEST_CASE("the directive reload notices that the file has changed", "[reload]") {
  const Ports ports;
  const std::string ours = pool(random_prefix(), "w{{.ID}}.tf.local.");
  Reloaded daemon(block(".:" + ports.a, "  reload 2s\n" + ours));
  REQUIRE(daemon.says("claimed w1.tf.local."));
  daemon.write(block(".:" + ports.a, "  reload 2s\n  nsid other\n" + ours));
  CHECK(daemon.says("reloaded: 1 pools kept"));
}

TEST_CASE("no query is lost while the configuration is reloaded again and again", "[reload]") {
  const Ports ports;
  const std::string ours = pool(random_prefix(), "w{{.ID}}.tf.local.");
  Reloaded daemon(block(".:" + ports.a, ours));
  REQUIRE(daemon.says("claimed w1.tf.local."));
  std::atomic<int> asked{0}, wrong{0};
  std::jthread asking([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      ++asked;
      if (answer(ports.all[0], "w1.tf.local.") != "10.0.0.1") ++wrong;
    }
  });
  for (int i = 0; i < 6; ++i)
    REQUIRE(daemon.reload(block(".:" + ports.a, "  nsid " + std::to_string(i) + "\n" + ours) +
                          (i % 2 == 0 ? block("b.org:" + ports.b, "  whoami\n") : "")));
  asking.request_stop();
  asking.join();
  CHECK(asked > 100);
  CHECK(wrong == 0);
}

// In a network namespace, whose interface gets another address.
TEST_CASE("the record follows the addresses of the machine", "[reload]") {
  if (std::system("unshare -n ip link add d0 type veth peer name d1 >/dev/null 2>&1") != 0) {
    WARN("not tried: no network namespace may be made here");
    return;
  }
  const std::string script = R"(
    set -eu
    ip link set lo up
    ip link add d0 type veth peer name d1
    ip link set d0 up
    ip link set d1 up
    ip addr add 10.1.0.1/24 dev d0
    etcd --data-dir etcd --log-level error >/dev/null 2>&1 &
    etcd=$!
    "$0" --endpoints http://127.0.0.1:2379 --pattern 'w{{.ID}}.tf.local.' --limit 3 --interface d0 \
      --listen 127.0.0.1:5300 &
    node=$!
    trap 'kill $node; wait $node || true; kill $etcd; wait $etcd || true' EXIT
    until_answer() {
      for try in $(seq 300); do
        dig +short +tries=1 +time=1 @127.0.0.1 -p 5300 w1.tf.local | grep -qx "$1" && return 0
        sleep 0.1
      done
      echo "no answer $1" >&2
      return 1
    }
    until_answer 10.1.0.1
    ip addr add 10.1.0.2/24 dev d0
    ip addr del 10.1.0.1/24 dev d0
    ip addr add 10.1.0.2/24 dev d0 2>/dev/null || true
    until_answer 10.1.0.2
  )";
  Program inside({.argv = {"/usr/bin/unshare", "-n", "/bin/bash", "-c", script, IDETCD_RESOLVER}});
  const auto status = inside.wait_for(2 * kPatience);
  CAPTURE(inside.errors());
  CHECK(status == 0);
}
