#include "encode/zone_builder.h"

#include <algorithm>
#include <map>
#include <random>

#include "encode/reverse_names.h"
#include "encode/rr_encoder.h"
#include "encode/shared_names.h"
#include "encode/slot_records.h"
#include "encode/slot_set.h"
#include "encode/zone_layout.h"
#include "wire/wire.h"

namespace idetcd::resolver {
namespace {

std::uint64_t random_seed() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

std::size_t expected_names(const ZoneLayout& layout) {
  std::size_t count = 0;
  for (const ZoneLayout::Pool& pool : layout.pools) count += pool.pattern.limit();
  return count;
}

// `label` alone, its last byte standing for a pointer: names of the SOA.
Bytes relative(std::string_view label) {
  constexpr std::byte kRoot{0};
  return prepend(label, {&kRoot, 1}).value_or(Bytes{kRoot});
}

// The SOA as ldns writes it has the names "ns." and "root."; their last byte, the
// root, becomes a pointer to the apex, one byte longer.
Zone make_zone(const Bytes& apex, const ZoneOptions& options, RrEncoder& encoder) {
  Zone zone;
  zone.apex = apex;
  zone.ttl = static_cast<std::uint32_t>(options.ttl.count());
  const auto minimum = static_cast<std::uint32_t>(options.negative_ttl.count());
  zone.negative_ttl = std::min(minimum, zone.ttl);
  const Bytes mname = relative(kNameserverLabel);
  const Bytes rname = relative("root");
  Bytes soa;
  encoder.soa(soa, zone.ttl, mname, rname, minimum);
  soa.erase(soa.begin(), soa.begin() + 2);  // the owner pointer depends on the question
  zone.mname_pointer = static_cast<std::uint16_t>(kRrHeader - 2 + mname.size() - 1);
  soa.insert(soa.begin() + zone.mname_pointer, std::byte{0});
  zone.rname_pointer = static_cast<std::uint16_t>(zone.mname_pointer + 2 + rname.size() - 1);
  soa.insert(soa.begin() + zone.rname_pointer, std::byte{0});
  zone.serial = static_cast<std::uint16_t>(zone.rname_pointer + 2);
  store16(soa.data() + 8, static_cast<std::uint16_t>(soa.size() - 10));
  zone.soa = std::move(soa);
  return zone;
}

}  // namespace

class ZoneBuilder::Impl {
 public:
  Impl(ZoneOptions options, ZoneLayout layout)
      : options_(std::move(options)),
        layout_(std::move(layout)),
        tree_(layout_.apexes, expected_names(layout_), random_seed()),
        shared_(layout_, tree_, encoder_),
        reverse_names_(layout_, tree_, encoder_) {
    auto zones = std::make_shared<ZoneSet::Zones>();
    for (const Bytes& apex : layout_.apexes) zones->push_back(make_zone(apex, options_, encoder_));
    zones_ = std::move(zones);
    for (const Bytes& apex : layout_.apexes) put_apex(apex);
    for (const ZoneLayout::Pool& pool : layout_.pools)
      if (pool.pool_name) keep(*pool.pool_name);
  }

  void set(std::size_t pool_index, SlotId id, const NamedRecord* named) {
    const ZoneLayout::Pool& pool = layout_.pools[pool_index];
    const auto name = to_wire(pool.pattern.render(id));
    if (!name) return;  // patterns render legal names only
    const PoolSlot slot{static_cast<std::uint32_t>(pool_index), id};
    const Node* const node = tree_.find(*name);
    const SlotFacts before = facts_of(node);
    SlotFacts after;
    std::uint32_t ttl = 0;
    std::size_t left_out = 0;
    NodeDraft draft(*name);
    if (node != nullptr) draft.children = node->children();
    if (named != nullptr) {
      after = facts_of(named->record, left_out);
      ttl = ttl_of(named->record, options_.ttl);
      put_slot(draft, *named, after, ttl, encoder_, left_out);
    }
    tree_.store(draft);
    store_services(*name, before, after, ttl, left_out);
    count_unencodable(slot, left_out);
    shared_.update(slot, before, after);
    reverse_names_.update(slot, before, after, ttl);
  }

  void set_freshness(Freshness freshness) { freshness_ = freshness; }

  std::shared_ptr<const ZoneSet> commit(std::uint32_t serial) {
    shared_.rebuild();
    totals_.over_limit = shared_.over_limit() + reverse_names_.over_limit();
    totals_.names = tree_.size();
    return std::make_shared<const ZoneSet>(tree_.publish(), zones_, serial, freshness_);
  }

  const ZoneTotals& totals() const { return totals_; }

 private:
  // "_grpc._tcp.<name>" for each named port.
  void store_services(const Bytes& name, const SlotFacts& before, const SlotFacts& after, std::uint32_t ttl,
                      std::size_t& left_out) {
    for (const auto& [service, port] : before.services) {
      const auto owner = service_name(service, name);
      if (!owner || offers(after, service)) continue;
      NodeDraft draft = tree_.draft(*owner);
      draft.sets.clear();
      tree_.store(draft);
    }
    for (const auto& [service, port] : after.services) {
      const auto owner = service_name(service, name);
      if (!owner) {
        ++left_out;
        continue;
      }
      NodeDraft draft = tree_.draft(*owner);
      put_service(draft, port, name, after, ttl, encoder_);
      tree_.store(draft);
    }
  }

  void count_unencodable(PoolSlot slot, std::size_t count) {
    const auto at = unencodable_.find(slot);
    if (at != unencodable_.end()) {
      totals_.unencodable -= at->second;
      unencodable_.erase(at);
    }
    if (count == 0) return;
    totals_.unencodable += count;
    unencodable_.emplace(slot, count);
  }

  // NS at the apex, and the name server's own addresses.
  void put_apex(const Bytes& apex) {
    const auto server = prepend(kNameserverLabel, apex);
    if (!server) return;
    const auto ttl = static_cast<std::uint32_t>(options_.ttl.count());
    const SlotFacts addresses{options_.nameserver_ipv4, options_.nameserver_ipv6, {}};
    NodeDraft::Set ns{kTypeNs, 1, 0, {}, {}};
    encoder_.ns(ns.records, ttl, *server);
    const std::size_t target_at = kHeaderSize + apex.size() + 4 + kRrHeader;
    ns.extra_count = static_cast<std::uint8_t>(put_addresses(ns.extras, addresses, target_at, ttl, encoder_));
    NodeDraft draft = tree_.draft(apex);
    draft.put(std::move(ns));
    tree_.store(draft);
    keep(*server);
    put_server(*server, addresses, ttl);
  }

  void put_server(const Bytes& server, const SlotFacts& addresses, std::uint32_t ttl) {
    NodeDraft draft = tree_.draft(server);
    NodeDraft::Set a{kTypeA, static_cast<std::uint8_t>(addresses.ipv4.size()), 0, {}, {}};
    for (const Ipv4& address : addresses.ipv4) encoder_.a(a.records, ttl, address);
    NodeDraft::Set aaaa{kTypeAaaa, static_cast<std::uint8_t>(addresses.ipv6.size()), 0, {}, {}};
    for (const Ipv6& address : addresses.ipv6) encoder_.aaaa(aaaa.records, ttl, address);
    draft.put(std::move(a));
    draft.put(std::move(aaaa));
    tree_.store(draft);
  }

  // The name exists, with records or without.
  void keep(const Bytes& name) {
    NodeDraft draft = tree_.draft(name);
    ++draft.children;
    tree_.store(draft);
  }

  const ZoneOptions options_;
  const ZoneLayout layout_;
  std::shared_ptr<const ZoneSet::Zones> zones_;
  RrEncoder encoder_;
  NameTree tree_;
  SharedNames shared_;
  ReverseNames reverse_names_;
  std::map<PoolSlot, std::size_t> unencodable_;  // only slots that have something left out
  ZoneTotals totals_;
  Freshness freshness_ = Freshness::kLive;
};

ZoneBuilder::ZoneBuilder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ZoneBuilder::ZoneBuilder(ZoneBuilder&&) noexcept = default;
ZoneBuilder& ZoneBuilder::operator=(ZoneBuilder&&) noexcept = default;
ZoneBuilder::~ZoneBuilder() = default;

Result<ZoneBuilder> ZoneBuilder::create(ZoneOptions options) {
  auto layout = make_layout(options);
  if (!layout) return layout.error();
  return ZoneBuilder(std::make_unique<Impl>(std::move(options), std::move(*layout)));
}

void ZoneBuilder::set(std::size_t pool, SlotId slot, const NamedRecord* record) {
  impl_->set(pool, slot, record);
}
void ZoneBuilder::set_freshness(Freshness freshness) {
  impl_->set_freshness(freshness);
}
std::shared_ptr<const ZoneSet> ZoneBuilder::commit(std::uint32_t serial) {
  return impl_->commit(serial);
}
ZoneTotals ZoneBuilder::totals() const {
  return impl_->totals();
}

}  // namespace idetcd::resolver
