// The subcommands for daily work, against real etcds and daemons.
#include <signal.h>

#include <catch2/catch.hpp>

#include <fstream>
#include <string>
#include <vector>

#include "support/eventually.h"
#include "support/program.h"

using namespace idetcd::testing;
using namespace std::chrono_literals;

namespace {

constexpr const char* kPattern = "worker{{.ID}}.tf.local.";

// A pool of its own, in the etcd of all tests.
class Pool {
 public:
  std::vector<std::string> flags(std::vector<std::string> more = {}) const {
    std::vector<std::string> all{
        "--endpoints", test_endpoints().front(), "--path", path_, "--pattern", kPattern, "--limit", "3"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  Resolver node(const std::string& address, const std::string& id) const {
    return Resolver(flags({"--advertise", address, "--node-id", id}));
  }
  Program run(std::vector<std::string> words) const {
    std::vector<std::string> argv{IDETCD_COMPANION};
    argv.insert(argv.end(), words.begin(), words.end());
    const auto pool = flags();
    argv.insert(argv.end(), pool.begin(), pool.end());
    return Program({.argv = argv});
  }

 private:
  const std::string path_ = random_prefix();
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("get shows who has a name, and tells by its status that it is free", "[companion]") {
  const Pool pool;
  Resolver node = pool.node("10.0.0.1", "host-1");
  REQUIRE(node.name() == "worker1.tf.local.");
  Program taken = pool.run({"get", "worker1.tf.local"});
  REQUIRE(taken.wait_for(kPatience) == 0);
  CHECK(has(taken.output(), "addresses  10.0.0.1\nnode       host-1\n"));
  Program by_slot = pool.run({"get", "1", "-o", "json"});
  REQUIRE(by_slot.wait_for(kPatience) == 0);
  CHECK(has(by_slot.output(), "\"node\": \"host-1\""));
  Program free = pool.run({"get", "worker2.tf.local."});
  CHECK(free.wait_for(kPatience) == 1);
  CHECK(has(free.errors(), "worker2.tf.local. is free"));
  Program wrong = pool.run({"get", "worker9.tf.local."});
  CHECK(wrong.wait_for(kPatience) == 64);
  CHECK(has(wrong.errors(), kPattern));
}

TEST_CASE("pools counts what is taken", "[companion]") {
  const Pool pool;
  Resolver node = pool.node("10.0.0.1", "host-1");
  REQUIRE_FALSE(node.name().empty());
  Program listed = pool.run({"pools", "-o", "json"});
  REQUIRE(listed.wait_for(kPatience) == 0);
  CHECK(has(listed.output(), "\"taken\": 1,\n    \"limit\": 3,"));
}

TEST_CASE("release takes a name from its owner only when it may", "[companion]") {
  const Pool pool;
  Resolver node = pool.node("10.0.0.1", "host-1");
  REQUIRE(node.name() == "worker1.tf.local.");
  Program refused = pool.run({"release", "worker1.tf.local."});
  CHECK(refused.wait_for(kPatience) == 64);
  CHECK(has(refused.errors(), "held by host-1"));
  Program unasked = pool.run({"release", "worker1.tf.local.", "--force"});
  CHECK(unasked.wait_for(kPatience) == 64);  // there is no terminal to ask on
  CHECK(pool.run({"get", "1"}).wait_for(kPatience) == 0);

  node.program().signal(SIGSTOP);  // it would claim again
  Program own = pool.run({"release", "worker1.tf.local.", "--node", "host-1"});
  CHECK(own.wait_for(kPatience) == 0);
  CHECK(own.output() == "released worker1.tf.local.\n");
  CHECK(pool.run({"get", "1"}).wait_for(kPatience) == 1);
  node.program().signal(SIGCONT);
  CHECK(eventually([&] { return pool.run({"get", "1"}).wait_for(kPatience) == 0; }));
  CHECK(pool.run({"release", "1", "--force", "--yes"}).wait_for(kPatience) == 0);
}

TEST_CASE("wait ends when the names are there, and else says what is missing", "[companion]") {
  const Pool pool;
  Resolver first = pool.node("10.0.0.1", "host-1");
  REQUIRE(first.name() == "worker1.tf.local.");
  CHECK(pool.run({"wait", "--members", "1", "--timeout", "20s"}).wait_for(kPatience) == 0);
  Program late = pool.run({"wait", "--members", "2", "--name", "worker3.tf.local.", "--timeout", "300ms"});
  CHECK(late.wait_for(kPatience) == 124);
  CHECK(has(late.errors(), "1 of 2 names are taken; worker3.tf.local. is free"));
  Program waiting = pool.run({"wait", "--name", "worker2.tf.local."});
  Resolver second = pool.node("10.0.0.2", "host-2");
  CHECK(waiting.wait_for(kPatience) == 0);
  CHECK(pool.run({"wait", "--members", "4"}).wait_for(kPatience) == 64);
  Program interrupted = pool.run({"wait", "--members", "3"});
  interrupted.signal(SIGINT);
  CHECK(interrupted.wait_for(kPatience) == 128 + SIGINT);
}

TEST_CASE("wait has its time-out also while etcd is away", "[companion]") {
  Program lonely({.argv = {IDETCD_COMPANION, "wait", "--members", "1", "--timeout", "1s", "--pattern", kPattern,
                           "--endpoints", "http://127.0.0.1:1"}});
  CHECK(lonely.wait_for(kPatience) == 124);
  CHECK(has(lonely.errors(), "etcd has not answered"));
}

TEST_CASE("watch tells every change, and runs a command for each", "[companion]") {
  const Pool pool;
  const TemporaryFolder folder("watch");
  const std::string file = (folder.path() / "told").string();
  Resolver first = pool.node("10.0.0.1", "host-1");
  REQUIRE(first.name() == "worker1.tf.local.");
  Program watch =
      pool.run({"watch", "-o", "json", "--exec", "echo $IDETCD_EVENT $IDETCD_NAME $IDETCD_ADDRESS >>" + file});
  REQUIRE(eventually([&] { return has(watch.output(), "\"event\":\"present\""); }));
  {
    Resolver second = pool.node("10.0.0.2", "host-2");
    REQUIRE(second.name() == "worker2.tf.local.");
    CHECK(eventually([&] { return has(watch.output(), "\"event\":\"claimed\""); }));
    second.program().signal(SIGTERM);
    second.program().wait_for(kPatience);
  }
  CHECK(eventually([&] { return has(watch.output(), "\"event\":\"released\""); }));
  CHECK(eventually([&] {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return has(text.str(), "present worker1.tf.local. 10.0.0.1\nclaimed worker2.tf.local. 10.0.0.2\n") &&
           has(text.str(), "released worker2.tf.local. 10.0.0.2\n");
  }));
  watch.signal(SIGTERM);
  CHECK(watch.wait_for(kPatience) == 128 + SIGTERM);
}

TEST_CASE("watch ends at once while its command hangs", "[companion]") {
  const Pool pool;
  Resolver node = pool.node("10.0.0.1", "host-1");
  REQUIRE_FALSE(node.name().empty());
  Program watch = pool.run({"watch", "--exec", "sleep 1000"});
  REQUIRE(eventually([&] { return has(watch.output(), "present"); }));
  watch.signal(SIGINT);
  CHECK(watch.wait_for(kPatience) == 128 + SIGINT);
}

TEST_CASE("resolve shows etcd and DNS side by side, and tells by its status that they differ", "[companion]") {
  const Pool pool, other;
  Resolver node = pool.node("10.0.0.1", "host-1");
  REQUIRE(node.name() == "worker1.tf.local.");
  const std::string server = "127.0.0.1:" + std::to_string(node.port());
  Program same = pool.run({"resolve", "worker1.tf.local.", "--server", server});
  CHECK(same.wait_for(kPatience) == 0);
  CHECK(has(same.output(), "etcd  10.0.0.1\n  dns   10.0.0.1    (" + server + ", NOERROR)"));
  Resolver elsewhere = other.node("10.0.0.9", "host-9");
  REQUIRE(elsewhere.name() == "worker1.tf.local.");
  Program differs =
      pool.run({"resolve", "worker1.tf.local.", "--server", "127.0.0.1:" + std::to_string(elsewhere.port())});
  CHECK(differs.wait_for(kPatience) == 1);
  CHECK(has(differs.errors(), "they differ"));
}

TEST_CASE("role prints commands that etcdctl accepts, and that suffice", "[companion]") {
  const EtcdProcess etcd;
  const std::vector<std::string> pool{"--endpoints", etcd.endpoint(), "--pattern", kPattern, "--limit", "3"};
  std::vector<std::string> argv{IDETCD_COMPANION, "role", "--role", "it's", "--pattern", kPattern, "--limit", "3"};
  Program role({.argv = argv});
  REQUIRE(role.wait_for(kPatience) == 0);
  Program apply({.argv = {"/bin/sh", "-c", role.output()},
                 .variables = {{"ETCDCTL_API", "3"}, {"ETCDCTL_ENDPOINTS", etcd.endpoint()}}});
  REQUIRE(apply.wait_for(kPatience) == 0);
  etcd.etcdctl({"user", "add", "root:root"});
  etcd.etcdctl({"user", "grant-role", "root", "root"});
  etcd.etcdctl({"user", "add", "node:secret"});
  etcd.etcdctl({"user", "grant-role", "node", "it's"});
  etcd.etcdctl({"auth", "enable"});
  auto flags = pool;
  flags.insert(flags.end(), {"--user", "node:secret", "--advertise", "10.0.0.1"});
  Resolver node(flags);
  CHECK(node.name() == "worker1.tf.local.");
}

TEST_CASE("render prints the names of a pattern, and version what this is", "[companion]") {
  const Pool pool;
  Program all = pool.run({"render"});
  REQUIRE(all.wait_for(kPatience) == 0);
  CHECK(all.output() == "worker1.tf.local.\nworker2.tf.local.\nworker3.tf.local.\n");
  Program some = Program(
      {.argv = {IDETCD_COMPANION, "render", "7", "--pattern", "n{{printf \"%03d\" .ID}}.b.org.", "--limit", "9"}});
  REQUIRE(some.wait_for(kPatience) == 0);
  CHECK(some.output() == "n007.b.org.\n");
  Program none = Program({.argv = {IDETCD_COMPANION, "render", "10", "--pattern", kPattern, "--limit", "9"}});
  CHECK(none.wait_for(kPatience) == 64);
  Program version({.argv = {IDETCD_COMPANION, "version", "-o", "json"}});
  REQUIRE(version.wait_for(kPatience) == 0);
  CHECK(has(version.output(), "\"version\": \""));
}

TEST_CASE("doctor finds nothing wrong with a node that works", "[companion][doctor]") {
  const Pool pool;
  Resolver node = pool.node("10.0.0.1", "host-1");
  REQUIRE_FALSE(node.name().empty());
  const std::string server = "127.0.0.1:" + std::to_string(node.port());
  REQUIRE(eventually([&] { return answer(node.port(), "worker1.tf.local.") == "10.0.0.1"; }));
  Program well = pool.run({"doctor", "--advertise", "10.0.0.1", "--server", server});
  CHECK(well.wait_for(kPatience) == 0);
  CHECK(has(well.output(), "may be read and written"));
  CHECK(has(well.output(), "1 of 3 names taken"));
  CHECK(has(well.output(), "ok    DNS at " + server + ": worker1.tf.local. is 10.0.0.1, as in etcd"));
  CHECK(has(well.output(), "ok    address: this node publishes 10.0.0.1"));
  Program json = pool.run({"doctor", "--server", server, "-o", "json"});
  CHECK(json.wait_for(kPatience) == 0);
  CHECK(has(json.output(), "\"verdict\": \"ok\""));
}

TEST_CASE("doctor says what is broken, and what to do", "[companion][doctor]") {
  const Pool pool;
  Resolver node = pool.node("10.0.0.1", "host-1");
  REQUIRE_FALSE(node.name().empty());
  const std::string nobody = "127.0.0.1:" + std::to_string(free_port());
  SECTION("no DNS server") {
    Program broken = pool.run({"doctor", "--server", nobody});
    CHECK(broken.wait_for(kPatience) == 1);
    CHECK(has(broken.output(), "fail  DNS at " + nobody + ": no answer; nobody listens there"));
  }
  SECTION("a server that serves something else") {
    Resolver other(
        {"--endpoints", test_endpoints().front(), "--path", random_prefix(), "--pattern", kPattern, "--no-claim"});
    Program broken = pool.run({"doctor", "--server", "127.0.0.1:" + std::to_string(other.port())});
    CHECK(broken.wait_for(kPatience) == 1);
    CHECK(has(broken.output(), "worker1.tf.local. is no address, and in etcd 10.0.0.1"));
  }
  SECTION("a member that is away") {
    Program broken = pool.run({"doctor", "--endpoints", test_endpoints().front() + ",http://" + nobody});
    CHECK(broken.wait_for(kPatience) == 1);
    CHECK(has(broken.output(), "fail  etcd http://" + nobody + ": no connection"));
    CHECK(has(broken.output(), "-> start it, or take it out of the endpoints"));
  }
  SECTION("all members away") {
    Program broken({.argv = {IDETCD_COMPANION, "doctor", "--endpoints", "http://" + nobody, "--pattern", kPattern}});
    CHECK(broken.wait_for(kPatience) == 1);
    CHECK_FALSE(has(broken.output(), "names taken"));
  }
  SECTION("a full pool") {
    Resolver second = pool.node("10.0.0.2", "host-2");
    Resolver third = pool.node("10.0.0.3", "host-3");
    REQUIRE_FALSE(second.name().empty());
    REQUIRE_FALSE(third.name().empty());
    Program full = pool.run({"doctor", "--server", "127.0.0.1:" + std::to_string(node.port())});
    CHECK(full.wait_for(kPatience) == 0);
    CHECK(has(full.output(), "3 of 3 names taken, 0 nodes wait: it is full"));
  }
}

TEST_CASE("completion knows every subcommand, and the shell takes it", "[companion]") {
  Program bash(
      {.argv = {"/bin/bash", "-c",
                "eval \"$(" IDETCD_COMPANION " completion bash)\"; COMP_WORDS=(idetcd wat) COMP_CWORD=1; _idetcd; "
                "echo ${COMPREPLY[@]}; COMP_WORDS=(idetcd ls --patt) COMP_CWORD=2; _idetcd; echo ${COMPREPLY[@]}"}});
  REQUIRE(bash.wait_for(kPatience) == 0);
  CHECK(bash.output() == "watch\n--pattern\n");
  for (const char* shell : {"zsh", "fish"}) {
    Program other({.argv = {IDETCD_COMPANION, "completion", shell}});
    CHECK(other.wait_for(kPatience) == 0);
    CHECK(has(other.output(), "release"));
  }
}
