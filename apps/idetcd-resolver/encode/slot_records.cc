#include "encode/slot_records.h"

#include <algorithm>
#include <cstring>

#include "common/values/ascii.h"
#include "common/values/values.h"
#include "wire/wire.h"

namespace idetcd::resolver {
namespace {

constexpr std::size_t kPointerReach = 0x3fff;  // RFC 1035 4.1.4: 14 bits

template <class Address>
std::vector<Address> each_once(const std::vector<Address>& all) {
  std::vector<Address> distinct;
  for (const Address& address : all)
    if (std::find(distinct.begin(), distinct.end(), address) == distinct.end()) distinct.push_back(address);
  return distinct;
}

template <class Address>
std::vector<Address> addresses(const Node& node, std::uint16_t type) {
  const Rrset* const rrset = node.find(type);
  if (rrset == nullptr) return {};
  std::vector<Address> all(rrset->count);
  const std::size_t size = rrset->size / rrset->count;
  for (std::size_t i = 0; i < all.size(); ++i)
    std::memcpy(all[i].data(), node.records(*rrset).data() + i * size + kRrHeader, all[i].size());
  return all;
}

// RFC 6335 5.1, and what SRV users write besides: letters, digits, hyphen, underscore.
bool is_service(const std::string& name) {
  return !name.empty() && name.size() <= app::kMaxServiceName && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

// Notes: for each service its name's size, its name, its port in host order.
Bytes write_notes(const SlotFacts& facts) {
  Bytes notes;
  for (const auto& [name, port] : facts.services) {
    notes.push_back(static_cast<std::byte>(name.size()));
    const auto text = std::as_bytes(std::span(name));
    notes.insert(notes.end(), text.begin(), text.end());
    const auto number = std::as_bytes(std::span(&port, 1));
    notes.insert(notes.end(), number.begin(), number.end());
  }
  return notes;
}

std::vector<std::string> text_strings(const NamedRecord& named, std::size_t& left_out) {
  std::vector<std::string> strings{"slot=" + std::to_string(named.slot), "token=" + std::to_string(named.token)};
  if (!named.record.node.empty()) strings.push_back("node=" + named.record.node);
  for (const auto& [key, value] : named.record.meta) strings.push_back(std::string(key).append("=").append(value));
  left_out += std::erase_if(strings, [](const std::string& text) { return text.size() > app::kMaxTxtString; });
  return strings;
}

}  // namespace

bool offers(const SlotFacts& facts, const std::string& service) {
  return std::any_of(facts.services.begin(), facts.services.end(),
                     [&](const auto& entry) { return entry.first == service; });
}

SlotFacts facts_of(const Node* node) {
  SlotFacts facts;
  if (node == nullptr) return facts;
  facts.ipv4 = addresses<Ipv4>(*node, kTypeA);
  facts.ipv6 = addresses<Ipv6>(*node, kTypeAaaa);
  for (auto notes = node->notes(); !notes.empty();) {
    const auto size = std::to_integer<std::size_t>(notes.front());
    std::uint16_t port;
    std::memcpy(&port, notes.data() + 1 + size, sizeof port);
    facts.services.emplace_back(std::string(reinterpret_cast<const char*>(notes.data()) + 1, size), port);
    notes = notes.subspan(1 + size + sizeof port);
  }
  return facts;
}

SlotFacts facts_of(const Record& record, std::size_t& left_out) {
  SlotFacts facts{each_once(record.ipv4), each_once(record.ipv6), {}};
  for (const auto& [name, port] : record.ports) {
    const std::string service = app::to_lower(name);
    if (is_service(service) && !offers(facts, service))
      facts.services.emplace_back(service, port);
    else
      ++left_out;
  }
  return facts;
}

std::uint32_t ttl_of(const Record& record, std::chrono::seconds ttl) {
  const auto shorter = record.ttl.count() > 0 ? std::min(ttl, record.ttl) : ttl;
  return static_cast<std::uint32_t>(shorter.count());
}

void put_slot(NodeDraft& draft, const NamedRecord& named, const SlotFacts& facts, std::uint32_t ttl, RrEncoder& encoder,
              std::size_t& left_out) {
  draft.sets.clear();
  NodeDraft::Set a{kTypeA, static_cast<std::uint8_t>(facts.ipv4.size()), 0, {}, {}};
  for (const Ipv4& address : facts.ipv4) encoder.a(a.records, ttl, address);
  NodeDraft::Set aaaa{kTypeAaaa, static_cast<std::uint8_t>(facts.ipv6.size()), 0, {}, {}};
  for (const Ipv6& address : facts.ipv6) encoder.aaaa(aaaa.records, ttl, address);
  NodeDraft::Set txt{kTypeTxt, 1, 0, {}, {}};
  encoder.txt(txt.records, ttl, text_strings(named, left_out));
  // Addresses first: most queries want them, and ANY gets the first RRset.
  draft.put(std::move(a));
  draft.put(std::move(aaaa));
  draft.put(std::move(txt));
  draft.notes = write_notes(facts);
}

std::optional<Bytes> service_name(const std::string& service, WireName name) {
  const auto protocol = prepend("_tcp", name);
  return protocol ? prepend("_" + service, *protocol) : std::nullopt;
}

void put_service(NodeDraft& draft, std::uint16_t port, WireName name, const SlotFacts& facts, std::uint32_t ttl,
                 RrEncoder& encoder) {
  NodeDraft::Set srv{kTypeSrv, 1, 0, {}, {}};
  encoder.srv(srv.records, ttl, port, name);
  const std::size_t offset = kHeaderSize + draft.name.size() - name.size();  // the target ends the question's name
  srv.extra_count = static_cast<std::uint8_t>(put_addresses(srv.extras, facts, offset, ttl, encoder));
  draft.put(std::move(srv));
}

unsigned put_addresses(Bytes& out, const SlotFacts& facts, std::size_t offset, std::uint32_t ttl, RrEncoder& encoder) {
  if (offset > kPointerReach) return 0;
  std::vector<std::size_t> owners;
  for (const Ipv4& address : facts.ipv4) {
    owners.push_back(out.size());
    encoder.a(out, ttl, address);
  }
  for (const Ipv6& address : facts.ipv6) {
    owners.push_back(out.size());
    encoder.aaaa(out, ttl, address);
  }
  for (const std::size_t at : owners) store16(out.data() + at, static_cast<std::uint16_t>(0xc000 | offset));
  return static_cast<unsigned>(owners.size());
}

}  // namespace idetcd::resolver
