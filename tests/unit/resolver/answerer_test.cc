// What servers use to answer: batches, and which zones they see.
#include <catch2/catch.hpp>

#include <array>

#include "idetcd-resolver/answer/answerer.h"
#include "support/dns_probe.h"

namespace idetcd::testing {
namespace {

using namespace resolver;

std::shared_ptr<const ZoneSet> zones_with(SlotId slots, std::uint32_t serial = 1) {
  ZoneBuilder builder = make_builder({"worker{{.ID}}.tf.local."}, 100);
  for (SlotId slot = 1; slot <= slots; ++slot) {
    const NamedRecord record = make_record(slot);
    builder.set(0, slot, &record);
  }
  return builder.commit(serial);
}

// One request of a batch, with its reply written over it.
struct Place {
  Packet bytes;
  std::size_t size;

  explicit Place(const Query& query) : bytes(make_query(query)), size(bytes.size()) { bytes.resize(kMaxTcpReply); }
  Exchange exchange(Transport transport) {
    return {{{}, transport, 1'700'000'000, 0}, std::span<const std::byte>(bytes).first(size), bytes, {}};
  }
};

unsigned rcode(Answerer::View& view, const std::string& name) {
  Place place({name});
  Exchange exchange = place.exchange(Transport::kUdp);
  view.answer({&exchange, 1});
  return static_cast<unsigned>(exchange.reply.rcode);
}

TEST_CASE("a batch is answered as its requests one by one", "[dns][answerer]") {
  const Snapshot<ZoneSet> zones(zones_with(30));
  const Answerer answerer(zones, probe_policy());
  Answerer::View view(answerer, 64);
  std::vector<Place> places;
  std::vector<Packet> alone;
  for (SlotId slot = 1; slot <= 40; ++slot) {
    const Query query{"worker" + std::to_string(slot) + ".tf.local."};
    alone.push_back(ask(*zones.load(), make_query(query)));
    places.emplace_back(query);
  }
  places[7].size = 5;  // too short: no reply
  alone[7].clear();
  std::vector<Exchange> batch;
  for (Place& place : places) batch.push_back(place.exchange(Transport::kUdp));
  view.answer(batch);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    CAPTURE(i);
    CHECK(Packet(places[i].bytes.begin(), places[i].bytes.begin() + static_cast<std::ptrdiff_t>(batch[i].reply.size)) ==
          alone[i]);
  }
}

TEST_CASE("a view answers from the zones of its last refresh, and keeps no older ones", "[dns][answerer]") {
  Snapshot<ZoneSet> zones(zones_with(1));
  const Answerer answerer(zones, probe_policy());
  Answerer::View view(answerer, 1);
  const std::weak_ptr<const ZoneSet> before = zones.load();
  zones.publish(zones_with(2, 2));
  CHECK(rcode(view, "worker2.tf.local.") == 3);
  CHECK_FALSE(before.expired());
  view.refresh();
  CHECK(rcode(view, "worker2.tf.local.") == 0);
  CHECK(before.expired());
}

TEST_CASE("blocks that are replaced live until every view has moved on", "[dns][answerer]") {
  struct Owner {
    Snapshot<ZoneSet> zones{zones_with(1)};
  };
  auto owner = std::make_shared<const Owner>();
  const std::weak_ptr<const Owner> before = owner;
  const Snapshot<ZoneSet> after(zones_with(2, 2));
  Answerer answerer({{{Bytes{std::byte{0}}}, &owner->zones, probe_policy(), owner}});
  owner.reset();
  Answerer::View view(answerer, 1);
  answerer.replace({{{Bytes{std::byte{0}}}, &after, probe_policy()}});
  CHECK(rcode(view, "worker2.tf.local.") == 3);
  CHECK_FALSE(before.expired());
  view.refresh();
  CHECK(rcode(view, "worker2.tf.local.") == 0);
  CHECK(before.expired());
}

}  // namespace
}  // namespace idetcd::testing
