// What the daemon does while etcd is away, and at start without one.
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <deque>
#include <filesystem>
#include <map>
#include <thread>
#include <vector>

#include "common/system/child_process.h"
#include "common/system/file_descriptor.h"
#include "support/eventually.h"
#include "support/program.h"

using namespace idetcd::testing;
using namespace std::chrono_literals;

namespace {

std::vector<std::string> flags(const std::string& endpoint, const std::string& ttl, const std::string& address) {
  return {"--endpoints", endpoint,      "--pattern", "worker{{.ID}}.tf.local.", "--limit", "5", "--ttl",
          ttl,           "--advertise", address};
}

// Asks every daemon for every name, all the time, and counts what was not right.
class Prober {
 public:
  Prober(std::deque<Resolver>& nodes, std::map<std::string, std::string> right) : right_(std::move(right)) {
    for (Resolver& node : nodes) ports_.push_back(node.port());
    thread_ = std::jthread([this](const std::stop_token& stop) {
      while (!stop.stop_requested()) probe();
    });
  }

  unsigned asked() const { return asked_; }
  unsigned wrong() const { return wrong_; }

 private:
  void probe() {
    for (const std::uint16_t port : ports_) {
      for (const auto& [name, address] : right_) {
        ++asked_;
        if (answer(port, name) != address) ++wrong_;
      }
    }
    std::this_thread::sleep_for(5ms);  // leaves the processor to the daemons
  }

  const std::map<std::string, std::string> right_;
  std::vector<std::uint16_t> ports_;
  std::atomic<unsigned> asked_{0};
  std::atomic<unsigned> wrong_{0};
  std::jthread thread_;
};

bool listens(int port) {
  const idetcd::app::FileDescriptor fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in server{};
  server.sin_family = AF_INET;
  server.sin_port = htons(static_cast<std::uint16_t>(port));
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return connect(fd.get(), reinterpret_cast<const sockaddr*>(&server), sizeof server) == 0;
}

std::uintmax_t size_on_disk(const std::filesystem::path& folder) {
  std::uintmax_t blocks = 0;
  for (const auto& each : std::filesystem::recursive_directory_iterator(folder)) {
    struct stat status {};
    if (::lstat(each.path().c_str(), &status) == 0) blocks += static_cast<std::uintmax_t>(status.st_blocks);
  }
  return blocks * 512;  // as stat(2) counts them
}

// Three daemons with three names, and what they should answer.
struct Cluster {
  std::deque<Resolver> nodes;
  std::map<std::string, std::string> right;

  Cluster(const EtcdProcess& etcd, const std::string& ttl) {
    for (int i = 1; i <= 3; ++i) {
      const std::string address = "10.0.0." + std::to_string(i);
      nodes.emplace_back(flags(etcd.endpoint(), ttl, address));
      const std::string name = nodes.back().name();
      REQUIRE_FALSE(name.empty());
      right.emplace(name, address);
    }
    for (Resolver& node : nodes) {
      for (const auto& [name, address] : right) {
        REQUIRE(eventually([&] { return answer(node.port(), name) == address; }));
      }
    }
  }

  // Every one runs and has still the name it had.
  void check_unchanged() {
    for (Resolver& node : nodes) {
      INFO(node.program().errors());
      CHECK(node.program().running());
      CHECK(right.contains(node.name()));
    }
  }
};

}  // namespace

TEST_CASE("etcd killed and started again: no node ends, no name is lost, answers go on") {
  EtcdProcess etcd;
  Cluster cluster(etcd, "10s");
  const Prober prober(cluster.nodes, cluster.right);
  etcd.kill();
  etcd.start();                      // takes a second or three: shorter than the lease
  std::this_thread::sleep_for(12s);  // longer: a lease that nobody renews would end
  cluster.check_unchanged();
  CHECK(prober.asked() > 100);
  CHECK(prober.wrong() == 0);
  for (Resolver& node : cluster.nodes)
    CHECK(node.program().errors().find("claimed ") == node.program().errors().rfind("claimed "));
}

TEST_CASE("etcd away for longer than the lease: the names come back to their owners") {
  EtcdProcess etcd;
  Cluster cluster(etcd, "2s");
  const Prober prober(cluster.nodes, cluster.right);
  etcd.kill();
  for (Resolver& node : cluster.nodes)
    REQUIRE(eventually([&] { return node.program().errors().find(" is not held for now: ") != std::string::npos; }));
  etcd.start();  // and gives every lease its full time again
  for (Resolver& node : cluster.nodes) {
    CHECK(eventually(
        [&] { return node.program().errors().find("claimed ") != node.program().errors().rfind("claimed "); }));
  }
  std::this_thread::sleep_for(3s);  // longer than a lease that nobody renews
  cluster.check_unchanged();
  CHECK(prober.wrong() == 0);
}

TEST_CASE("without etcd at the start the daemon waits, says so once, and can be ended") {
  const std::string endpoint = "http://127.0.0.1:" + std::to_string(free_port());
  Resolver node(flags(endpoint, "5s", "10.0.0.1"));
  REQUIRE(node.port() != 0);
  CHECK(eventually([&] { return !node.program().trouble().empty(); }));
  CHECK(answer(node.port(), "worker1.tf.local.") == "SERVFAIL");  // it can not know
  std::this_thread::sleep_for(2s);                                // several tries
  const std::string errors = node.program().trouble();
  INFO(errors);
  CHECK(std::count(errors.begin(), errors.end(), '\n') == 1);
  CHECK(errors.find(endpoint) != std::string::npos);
  node.program().signal(SIGTERM);
  CHECK(node.program().wait_for(kPatience) == 0);
}

TEST_CASE("an etcd that comes later is found") {
  EtcdProcess etcd;
  etcd.kill();
  Resolver node(flags(etcd.endpoint(), "5s", "10.0.0.1"));
  REQUIRE(eventually([&] { return !node.program().trouble().empty(); }));
  etcd.start();
  CHECK(node.name() == "worker1.tf.local.");
}

TEST_CASE("a daemon asked to end while etcd hangs ends in bounded time") {
  EtcdProcess etcd;
  Resolver node(flags(etcd.endpoint(), "10m", "10.0.0.1"));  // a lease that it does not wait for
  REQUIRE_FALSE(node.name().empty());
  etcd.pause();
  node.program().signal(SIGTERM);
  CHECK(node.program().wait_for(kPatience) == 0);
  etcd.resume();
}

TEST_CASE("what a --dev that was killed leaves behind is removed by the next one") {
  const TemporaryFolder temporary("tmp");
  const auto folders = [&] {
    std::vector<std::filesystem::path> found;
    for (const auto& each : std::filesystem::directory_iterator(temporary.path())) found.push_back(each.path());
    return found;
  };
  const std::map<std::string, std::string> variables{{"TMPDIR", temporary.path().string()}};
  Resolver running({"--dev"}, variables);
  REQUIRE_FALSE(running.name().empty());
  {
    Resolver killed({"--dev"}, variables);
    REQUIRE_FALSE(killed.name().empty());
    killed.program().signal(SIGKILL);
    REQUIRE(killed.program().wait_for(kPatience));
  }
  CHECK(folders().size() == 2);
  Resolver next({"--dev"}, variables);
  REQUIRE_FALSE(next.name().empty());
  CHECK(folders().size() == 2);  // those of the two that run
  CHECK(running.program().running());
}

TEST_CASE("--dev needs nothing else, and leaves nothing behind") {
  Resolver node({"--dev"});
  REQUIRE(node.name() == "worker1.tf.local.");
  // With the addresses of this machine; where it has none the name has no address record.
  std::string given;
  CHECK(eventually(5s, [&] {
    given = answer(node.port(), "worker1.tf.local.");
    return given == "NOERROR" || given.find_first_not_of("0123456789.") == std::string::npos;
  }));
  INFO(given);
  const std::string output = node.program().errors();
  const auto endpoint_at = output.find("private etcd at http://127.0.0.1:");
  const auto folder_at = output.find(" in /");
  REQUIRE(endpoint_at != std::string::npos);
  REQUIRE(folder_at != std::string::npos);
  const std::filesystem::path folder = output.substr(folder_at + 4, output.find('\n', folder_at) - folder_at - 4);
  const auto port = std::stoi(output.substr(output.find(':', output.find("127.0.0.1", endpoint_at)) + 1));
  CHECK(std::filesystem::exists(folder));
  CHECK(listens(port));
  CHECK(size_on_disk(folder) < 8U << 20);
  node.program().signal(SIGTERM);
  CHECK(node.program().wait_for(10s) == 0);
  CHECK_FALSE(std::filesystem::exists(folder));
  CHECK_FALSE(listens(port));
}

TEST_CASE("nobody reads what the daemon writes: it serves on and ends when it is asked to") {
  const EtcdProcess etcd;
  std::array<int, 2> ends{};
  REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0);
  close(ends[0]);
  const std::uint16_t port = free_port();
  std::vector<std::string> argv{IDETCD_RESOLVER, "--listen", "127.0.0.1:" + std::to_string(port)};
  for (const std::string& flag : flags(etcd.endpoint(), "5s", "10.0.0.1")) argv.push_back(flag);
  auto daemon = idetcd::app::ChildProcess::start({.argv = argv,
                                                  .environment = idetcd::app::current_environment(),
                                                  .stdout_fd = ends[1],
                                                  .stderr_fd = ends[1],
                                                  .dies_with_thread = true});
  close(ends[1]);
  REQUIRE(daemon);
  CHECK(eventually(30s, [&] { return answer(port, "worker1.tf.local.") == "10.0.0.1"; }));
  daemon->signal(SIGTERM);
  CHECK(daemon->wait_for(10s) == 0);
}

TEST_CASE("authentication that is switched on while running is noticed, and a release that etcd refuses is told") {
  const EtcdProcess server;
  Resolver node(flags(server.endpoint(), "5s", "192.0.2.1"));
  REQUIRE(node.name() == "worker1.tf.local.");
  const std::uint16_t port = node.port();
  server.etcdctl({"user", "add", "root:secret"});
  server.etcdctl({"user", "grant-role", "root", "root"});
  server.etcdctl({"auth", "enable"});
  const auto says = [&](const std::string& text) { return node.program().errors().find(text) != std::string::npos; };
  CHECK(eventually([&] { return says("requires a user and password"); }));
  CHECK(answer(port, "worker1.tf.local.") == "192.0.2.1");  // the last known records
  node.program().signal(SIGTERM);
  REQUIRE(node.program().wait_for(kPatience));
  INFO(node.program().errors());
  CHECK(says("cannot"));
}

TEST_CASE("a stop with two endpoints blames neither of them") {
  const EtcdProcess server;
  const std::string port = server.endpoint().substr(server.endpoint().rfind(':'));
  Resolver node(flags("http://127.0.0.1" + port + ",http://localhost" + port, "5s", "192.0.2.1"));
  REQUIRE(node.name() == "worker1.tf.local.");
  node.program().signal(SIGTERM);
  REQUIRE(node.program().wait_for(kPatience));
  INFO(node.program().errors());
  CHECK(node.program().errors().find("does not answer") == std::string::npos);
}
