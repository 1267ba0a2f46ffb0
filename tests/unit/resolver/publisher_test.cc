// From RecordSets to published zones.
#include <catch2/catch.hpp>

#include <array>
#include <atomic>
#include <thread>

#include "idetcd-resolver/encode/zone_publisher.h"
#include "records/record_set_builder.h"
#include "support/dns_probe.h"

namespace idetcd::testing {
using namespace internal;
namespace {

using namespace resolver;

std::unique_ptr<ZonePublisher> publisher_of(const std::vector<std::string>& patterns) {
  ZoneOptions options;
  for (const std::string& text : patterns) options.pools.push_back({PatternTemplate::parse(text, 100).value(), {}});
  return ZonePublisher::create(std::move(options)).value();
}

KeyValue stored(SlotId slot, std::uint8_t last, Revision revision) {
  Record record;
  record.ipv4 = {{10, 0, 0, last}};
  KeyValue kv;
  kv.key = "worker" + std::to_string(slot) + ".tf.local.";
  kv.value = to_json(record);
  kv.create_revision = kv.mod_revision = revision;
  return kv;
}

unsigned rcode(const ZonePublisher& publisher, const std::string& name) {
  return ask(*publisher.zones().load(), Query{name}).rcode();
}

TEST_CASE("zones answer before anything is applied", "[dns][publisher]") {
  const auto publisher = publisher_of({"worker{{.ID}}.tf.local."});
  CHECK(rcode(*publisher, "worker1.tf.local.") == 3);
  CHECK(ask(*publisher->zones().load(), Query{"tf.local.", kTypeSoa}).records(DnsSection::kAnswer).size() == 1);
}

TEST_CASE("what changed is applied, under the greatest revision of all pools", "[dns][publisher]") {
  const auto publisher = publisher_of({"worker{{.ID}}.tf.local.", "ps{{.ID}}.tf.local."});
  RecordSetBuilder workers(100);
  workers.put(3, stored(3, 3, 50));
  workers.put(4, stored(4, 4, 51));
  publisher->apply(0, workers.build(51), std::array<SlotId, 2>{3, 4});
  CHECK(publisher->zones().load()->serial() == 51);
  CHECK(rcode(*publisher, "worker3.tf.local.") == 0);
  CHECK(rcode(*publisher, "worker4.tf.local.") == 0);

  RecordSetBuilder servers(100);
  servers.put(1, stored(1, 9, 40));
  publisher->apply(1, servers.build(45), std::array<SlotId, 1>{1});
  CHECK(publisher->zones().load()->serial() == 51);
  CHECK(ask(*publisher->zones().load(), Query{"ps1.tf.local."}).records(DnsSection::kAnswer) ==
        std::vector<std::string>{"ps1.tf.local. 5 IN A 10.0.0.9"});

  workers.erase(3);
  publisher->apply(0, workers.build(60), std::array<SlotId, 1>{3});
  CHECK(rcode(*publisher, "worker3.tf.local.") == 3);
  CHECK(rcode(*publisher, "worker4.tf.local.") == 0);
  CHECK(publisher->zones().load()->serial() == 60);
}

TEST_CASE("freshness is published when it changes", "[dns][publisher]") {
  const auto publisher = publisher_of({"worker{{.ID}}.tf.local."});
  const auto before = publisher->zones().load();
  publisher->set_freshness(Freshness::kLive);
  CHECK(publisher->zones().load() == before);
  publisher->set_freshness(Freshness::kExpired);
  CHECK(rcode(*publisher, "worker1.tf.local.") == 2);
  publisher->set_freshness(Freshness::kStale);
  CHECK(rcode(*publisher, "worker1.tf.local.") == 3);
}

TEST_CASE("answers go on whole while records change", "[dns][publisher]") {
  const auto publisher = publisher_of({"worker{{.ID}}.tf.local."});
  RecordSetBuilder workers(100);
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  const Packet request = make_query({"worker7.tf.local."});
  std::vector<std::jthread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      Snapshot<ZoneSet>::Reader reader(publisher->zones());
      Packet out(kMaxUdpReply);
      while (!stop) {
        const Reply reply = answer(reader.current(), probe_policy(), {}, request, out);
        const bool address = reply.rcode == Rcode::kNoError && reply.size == request.size() + 16;
        if (!address && reply.rcode != Rcode::kNxDomain) ++wrong;
      }
    });
  }
  for (Revision revision = 1; revision <= 2'000; ++revision) {
    const SlotId slot = 1 + static_cast<SlotId>(revision % 10);
    if (revision % 3 == 0)
      workers.erase(slot);
    else
      workers.put(slot, stored(slot, static_cast<std::uint8_t>(revision), revision));
    publisher->apply(0, workers.build(revision), std::array<SlotId, 1>{slot});
  }
  stop = true;
  readers.clear();
  CHECK(wrong == 0);
}

}  // namespace
}  // namespace idetcd::testing
