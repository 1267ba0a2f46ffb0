// The same zone in Knot, in NSD and in BIND, where they are installed, and the same
// questions to all: what they answer differently we would have to explain.
#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <fstream>
#include <random>

#include "common/system/child_process.h"
#include "common/system/free_ports.h"
#include "common/system/temporary_folder.h"
#include "idetcd-resolver/server/dns_server.h"
#include "support/dns_client.h"

namespace idetcd::testing {
namespace {

using namespace resolver;
using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

constexpr SlotId kMembers = 40;

std::shared_ptr<const ZoneSet> sample_zone() {
  ZoneOptions options;
  options.pools = {{PatternTemplate::parse("worker{{.ID}}.rack{{.ID}}.tf.local.", 60).value(), "all.tf.local."}};
  options.nameserver_ipv4 = {{127, 0, 0, 1}};
  auto builder = ZoneBuilder::create(std::move(options)).value();
  for (SlotId slot = 1; slot <= kMembers; ++slot) {
    NamedRecord record = make_record(slot);
    if (slot % 3 == 0) record.record.ipv6.clear();
    if (slot % 2 == 0) record.record.ports["grpc"] = 2222;
    builder.set(0, slot, &record);
  }
  return builder.commit(42);
}

Lines owners() {
  Lines names{"tf.local.", "ns.tf.local.", "all.tf.local.", "_grpc._tcp.tf.local."};
  for (SlotId slot = 1; slot <= kMembers; ++slot) {
    const std::string name = "worker" + std::to_string(slot) + ".rack" + std::to_string(slot) + ".tf.local.";
    names.push_back(name);
    names.push_back("_grpc._tcp." + name);
  }
  return names;
}

// The zone as text, from its own answers.
void write_zone(const ZoneSet& zone, const std::filesystem::path& path) {
  std::ofstream out(path);
  for (const std::uint16_t type : {kTypeSoa, kTypeNs, kTypeA, kTypeAaaa, kTypeTxt, kTypeSrv})
    for (const std::string& name : owners())
      for (const std::string& line : ask(zone, Query{name, type}, Transport::kTcp).records(DnsSection::kAnswer))
        out << line << "\n";
}

app::ChildCommand knot(const std::filesystem::path& folder, std::uint16_t port, int log) {
  std::ofstream(folder / "knot.conf") << "server:\n  rundir: \"" << folder.string() << "\"\n  listen: 127.0.0.1@"
                                      << port << "\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\n"
                                      << "database:\n  storage: \"" << folder.string() << "\"\n"
                                      << "zone:\n  - domain: tf.local\n    file: \"" << (folder / "zone").string()
                                      << "\"\n    zonefile-sync: -1\n    journal-content: none\n";
  return {{"knotd", "-c", (folder / "knot.conf").string()}, app::current_environment(), log, log, true, true};
}

app::ChildCommand nsd(const std::filesystem::path& folder, std::uint16_t port, int log) {
  const std::string here = folder.string();
  std::ofstream(folder / "nsd.conf")
      << "server:\n  ip-address: 127.0.0.1@" << port
      << "\n  server-count: 1\n  username: \"\"\n  chroot: \"\"\n  database: \"\"\n  zonesdir: \"" << here
      << "\"\n  pidfile: \"" << here << "/pid\"\n  xfrdfile: \"" << here << "/xfrd\"\n  xfrdir: \"" << here
      << "\"\n  zonelistfile: \"" << here << "/zones\"\n  rrl-ratelimit: 0\n  rrl-whitelist-ratelimit: 0\n"
      << "remote-control:\n  control-enable: no\nzone:\n  name: tf.local\n  zonefile: zone\n";
  return {{"nsd", "-d", "-c", (folder / "nsd.conf").string()}, app::current_environment(), log, log, true, true};
}

// BIND alone would give the SOA the TTL 0 where a SOA was asked for and there is none.
app::ChildCommand bind(const std::filesystem::path& folder, std::uint16_t port, int log) {
  std::ofstream(folder / "named.conf") << "options { directory \"" << folder.string()
                                       << "\"; pid-file none; session-keyfile none; listen-on port " << port
                                       << " { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; minimal-responses "
                                          "yes; dnssec-validation no; zero-no-soa-ttl no; };\n"
                                       << "controls {};\nzone \"tf.local\" { type primary; file \""
                                       << (folder / "zone").string() << "\"; };\n";
  return {{"named", "-f", "-c", (folder / "named.conf").string()}, app::current_environment(), log, log, true, true};
}

app::ChildCommand command_of(const std::string& peer, const std::filesystem::path& folder, std::uint16_t port,
                             int log) {
  if (peer == "Knot") return knot(folder, port, log);
  return peer == "NSD" ? nsd(folder, port, log) : bind(folder, port, log);
}

bool answers_soon(std::uint16_t port) {
  const Packet query = make_query({"tf.local.", kTypeSoa});
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    const app::FileDescriptor fd = connected(SOCK_DGRAM, loopback(port));
    send(fd.get(), query.data(), query.size(), 0);
    Packet reply(512);
    if (readable_within(fd, 100ms) && recv(fd.get(), reply.data(), reply.size(), 0) > 12 && (reply[7] == std::byte{1}))
      return true;
  }
  return false;
}

std::string random_case(std::string name, std::mt19937& random) {
  for (char& c : name)
    if (c >= 'a' && c <= 'z' && random() % 2 == 0) c = static_cast<char>(c - ('a' - 'A'));
  return name;
}

EdnsQuery random_edns(std::mt19937& random) {
  static const std::vector<std::uint16_t> kPayloads{0,    100,  511,  512,  513,  700,  900,
                                                    1100, 1231, 1232, 1233, 4096, 65535};
  EdnsQuery edns{.payload = kPayloads[random() % kPayloads.size()]};
  if (random() % 8 == 0) edns.version = static_cast<std::uint8_t>(random() % 256);
  edns.dnssec_ok = random() % 4 == 0;
  if (random() % 4 == 0) edns.options = make_option(65001, Packet(random() % 20, std::byte{9}));
  return edns;
}

Query random_query(std::mt19937& random) {
  static const Lines kOwners = owners();
  static const Lines kOthers{"rack7.tf.local.",
                             "_tcp.tf.local.",
                             "_tcp.worker2.rack2.tf.local.",
                             "worker41.rack41.tf.local.",
                             "x.worker1.rack1.tf.local.",
                             "x.y.tf.local.",
                             "_http._tcp.tf.local.",
                             "worker.rack1.tf.local.",
                             "example.org.",
                             "local.",
                             "xtf.local.",
                             ".",
                             "worker1.rack1.tf.local.tf.local.",
                             std::string(63, 'a') + ".rack1.tf.local."};
  static const std::vector<std::uint16_t> kTypes{
      kTypeA, kTypeA, kTypeAaaa, kTypeTxt, kTypeSrv, kTypeSoa, kTypeNs, kTypePtr, 5, 15, 43, 46, 48, 99, 65280};
  const Lines& names = random() % 3 == 0 ? kOthers : kOwners;
  Query query{random_case(names[random() % names.size()], random), kTypes[random() % kTypes.size()]};
  query.id = static_cast<std::uint16_t>(random());
  query.recursion_desired = random() % 2 == 0;
  if (random() % 2 == 0) query.edns = random_edns(random);
  return query;
}

// What a client sees, in one comparable text; names without case, RRsets without order.
std::string essence(const DecodedReply& reply) {
  Lines lines = reply.records(DnsSection::kAnswer);
  // Servers may add NS records to a positive answer; in a negative one the SOA matters.
  if (lines.empty())
    for (const std::string& line : reply.records(DnsSection::kAuthority)) lines.push_back("authority " + line);
  std::sort(lines.begin(), lines.end());
  std::string text = "rcode " + std::to_string(reply.rcode()) + (reply.authoritative() ? " aa" : "") +
                     (reply.recursion_desired() ? " rd" : "") + (reply.truncated() ? " tc" : "") +
                     (reply.edns() ? " edns" : "");
  // A truncated answer is to be asked again by TCP: what it holds does not count.
  for (const std::string& line : lines)
    if (!reply.truncated()) text += "\n" + line;
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

TEST_CASE("Knot, NSD and BIND answer the same", "[dns][agreement]") {
  const std::string peer = GENERATE("Knot", "NSD", "BIND");
  const auto folder = app::TemporaryFolder::create("idetcd-agreement").value();
  const Snapshot<ZoneSet> zones(sample_zone());
  write_zone(*zones.load(), folder.path() / "zone");
  const std::uint16_t port = app::free_loopback_ports(1).front();
  const app::FileDescriptor log(open((folder.path() / "log").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  auto child = app::ChildProcess::start(command_of(peer, folder.path(), port, log.get()));
  if (!child) {
    WARN(peer << " is not installed: nothing compared");
    return;
  }
  REQUIRE(answers_soon(port));

  DnsServerOptions options;
  options.listen.push_back(app::parse_listen_address("127.0.0.1:0").value());
  options.workers = 1;
  const Answerer answerer(zones, {});
  const auto server = DnsServer::start(options, answerer).value();
  const app::FileDescriptor ours = connected(SOCK_DGRAM, loopback(server->port()));
  const app::FileDescriptor theirs = connected(SOCK_DGRAM, loopback(port));
  std::mt19937 random(2024);
  for (int i = 0; i < 4'000; ++i) {
    const Query query = random_query(random);
    CAPTURE(peer, query.name, query.type, query.edns.has_value(), query.edns ? query.edns->payload : 0);
    CAPTURE(query.edns ? query.edns->version : 0);
    const Packet request = make_query(query);
    const std::string mine = essence(DecodedReply(ask_udp(ours, request)));
    const std::string other = essence(DecodedReply(ask_udp(theirs, request)));
    REQUIRE(mine == other);
  }
  child->end(2s);
}

}  // namespace
}  // namespace idetcd::testing
