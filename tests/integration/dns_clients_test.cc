// Programs that know nothing of us find nodes by our DNS: dig, kdig, drill, the C library's
// resolver and gRPC's.
#include <arpa/inet.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "common/system/child_process.h"
#include "common/system/temporary_folder.h"
#include "dns_served.h"

namespace idetcd::testing {
namespace {

std::shared_ptr<const ZoneSet> zone_of_one(const Ipv4& address) {
  ZoneBuilder builder = make_builder({"worker{{.ID}}.tf.local."});
  NamedRecord record = make_record(1);
  record.record.ipv4 = {address};
  record.record.ipv6.clear();
  builder.set(0, 1, &record);
  return builder.commit(1);
}

std::unique_ptr<DnsServer> serve(const std::string& address, const Answerer& answerer) {
  DnsServerOptions options;
  options.listen.push_back(app::parse_listen_address(address).value());
  options.workers = 1;
  auto server = DnsServer::start(options, answerer);
  return server ? std::move(*server) : nullptr;
}

TEST_CASE("gRPC's resolver finds a worker", "[dns][clients]") {
  const Snapshot<ZoneSet> zones(zone_of_one({127, 0, 0, 1}));
  const Answerer answerer(zones, {});
  const auto server = serve("127.0.0.1:0", answerer);
  REQUIRE(server);
  const app::FileDescriptor worker(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in at = loopback(0);
  socklen_t size = sizeof at;
  REQUIRE(bind(worker.get(), reinterpret_cast<const sockaddr*>(&at), size) == 0);
  REQUIRE(listen(worker.get(), 4) == 0);
  REQUIRE(getsockname(worker.get(), reinterpret_cast<sockaddr*>(&at), &size) == 0);

  const std::string target =
      "dns://127.0.0.1:" + std::to_string(server->port()) + "/worker1.tf.local:" + std::to_string(ntohs(at.sin_port));
  const auto channel = grpc::CreateChannel(target, grpc::InsecureChannelCredentials());
  channel->GetState(true);                    // resolves and connects
  CHECK(readable_within(worker, kPatience));  // a connection waits to be accepted
  CHECK(server->totals().udp.answers[0] > 0);
}

void raise_loopback() {
  const app::FileDescriptor fd(socket(AF_INET, SOCK_DGRAM, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  ioctl(fd.get(), SIOCGIFFLAGS, &request);
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  ioctl(fd.get(), SIOCSIFFLAGS, &request);
}

// Whether this process has its own network, and `resolv_conf` for its /etc/resolv.conf.
bool move_away(const std::string& resolv_conf) {
  if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) return false;
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
  if (mount(resolv_conf.c_str(), "/etc/resolv.conf", nullptr, MS_BIND, nullptr) != 0) return false;
  raise_loopback();
  return true;
}

// Run by the next test only, in a process of its own.
TEST_CASE("getent, inside its namespace", "[.inside]") {
  const auto folder = app::TemporaryFolder::create("idetcd-getent").value();
  const std::string resolv_conf = folder.path() / "resolv.conf";
  std::ofstream(resolv_conf) << "nameserver 127.0.0.1\noptions timeout:20 attempts:1\n";
  if (!move_away(resolv_conf)) {
    WARN("no namespaces here: not tried");
    return;
  }
  const Snapshot<ZoneSet> zones(zone_of_one({10, 1, 2, 3}));
  const Answerer answerer(zones, {});
  const auto server = serve("127.0.0.1:53", answerer);
  REQUIRE(server);
  FILE* const pipe = popen("getent hosts worker1.tf.local", "r");
  REQUIRE(pipe != nullptr);
  std::array<char, 256> line{};
  CHECK(std::fgets(line.data(), line.size(), pipe) != nullptr);
  pclose(pipe);
  CHECK_THAT(std::string(line.data()), Catch::StartsWith("10.1.2.3 "));
}

TEST_CASE("getent finds a worker through resolv.conf", "[dns][clients]") {
#ifdef __SANITIZE_THREAD__
  WARN("not tried: with the thread sanitizer the program inside the namespaces did not end within 30 s");
  return;
#endif
  auto inside =
      app::ChildProcess::start({{"/proc/self/exe", "[.inside]"}, app::current_environment(), -1, -1, false, true});
  REQUIRE(inside);
  CHECK(inside->wait_for(30s) == 0);
}

std::string output_of(const std::string& command) {
  FILE* const pipe = popen((command + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string text;
  std::array<char, 4096> chunk;
  for (std::size_t size; (size = fread(chunk.data(), 1, chunk.size(), pipe)) > 0;) text.append(chunk.data(), size);
  pclose(pipe);
  return text;
}

bool installed(const std::string& program) {
  return std::system(("command -v " + program + " >/dev/null").c_str()) == 0;
}

TEST_CASE("dig, kdig and drill read our answers", "[dns][clients]") {
  Served served;
  const std::string port = std::to_string(served.port());
  if (installed("dig")) {
    const std::string dig = "dig @127.0.0.1 -p " + port + " +time=30 +tries=1 ";
    CHECK(output_of(dig + "+short worker3.tf.local") == "10.0.0.3\n");
    CHECK(output_of(dig + "+short AAAA worker3.tf.local") == "fd00::3\n");
    CHECK(output_of(dig + "+short +tcp worker3.tf.local") == "10.0.0.3\n");
    CHECK_THAT(output_of(dig + "nobody.tf.local"),
               Catch::Contains("status: NXDOMAIN") && Catch::Contains("root.tf.local. 42"));
    CHECK_THAT(output_of(dig + "worker3.tf.local"), Catch::Contains("COOKIE: ") && Catch::Contains("(good)"));
    CHECK_THAT(output_of(dig + "workers.tf.local"), Catch::Contains("ANSWER: 100"));  // by TCP, after TC
    CHECK_THAT(output_of(dig + "+norec ANY worker3.tf.local"), Catch::Contains("ANSWER: 1,"));
    CHECK_THAT(output_of(dig + "SRV _grpc._tcp.worker3.tf.local"),
               Catch::Contains("2222 worker3.tf.local.") && Catch::Contains("fd00::3"));
    CHECK_THAT(output_of(dig + "example.org"), Catch::Contains("status: REFUSED"));
  }
  if (installed("kdig")) {
    const std::string kdig = "kdig @127.0.0.1 -p " + port + " +time=30 +retry=0 ";
    CHECK(output_of(kdig + "+short worker4.tf.local") == "10.0.0.4\n");
    CHECK_THAT(output_of(kdig + "+tcp +keepopen worker4.tf.local worker5.tf.local"),
               Catch::Contains("10.0.0.4") && Catch::Contains("10.0.0.5"));
    CHECK_THAT(output_of(kdig + "+edns=1 worker4.tf.local"), Catch::Contains("BADVERS"));
  }
  if (installed("drill")) {
    const std::string drill = "drill -p " + port + " ";
    CHECK_THAT(output_of(drill + "worker5.tf.local @127.0.0.1 AAAA"), Catch::Contains("fd00::5"));
    CHECK_THAT(output_of(drill + "tf.local @127.0.0.1 SOA"),
               Catch::Contains("ns.tf.local. root.tf.local. 42 60 10 86400 2"));
  }
}

}  // namespace
}  // namespace idetcd::testing
