#include <idetcd/record.h>

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace idetcd {
namespace {

// inet_pton is as strict as record.h promises, but it wants a terminated string.
template <class Address>
std::optional<Address> parse(int family, std::string_view text) noexcept {
  char terminated[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof terminated || text.find('\0') != text.npos) return std::nullopt;
  *std::copy(text.begin(), text.end(), terminated) = '\0';
  Address address;
  if (inet_pton(family, terminated, address.data()) != 1) return std::nullopt;
  return address;
}

constexpr std::array<std::uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

using Groups = std::array<unsigned, 8>;

Groups groups_of(const Ipv6& address) {
  Groups groups;
  for (std::size_t i = 0; i < groups.size(); ++i) groups[i] = address[2 * i] << 8u | address[2 * i + 1];
  return groups;
}

struct Run {
  std::size_t begin = 0;
  std::size_t end = 0;
};

// RFC 5952 4.2: the longest run of zeros, the first of equals, and never a single one.
Run shortened_run(const Groups& groups) {
  Run best;
  for (std::size_t i = 0; i < groups.size();) {
    std::size_t end = i;
    while (end < groups.size() && groups[end] == 0) ++end;
    if (end - i >= 2 && end - i > best.end - best.begin) best = {i, end};
    i = std::max(end, i + 1);
  }
  return best;
}

}  // namespace

std::optional<Ipv4> parse_ipv4(std::string_view text) noexcept {
  return parse<Ipv4>(AF_INET, text);
}

std::optional<Ipv6> parse_ipv6(std::string_view text) noexcept {
  return parse<Ipv6>(AF_INET6, text);
}

Ipv6 to_mapped(const Ipv4& address) noexcept {
  Ipv6 mapped{};
  std::copy(address.begin(), address.end(), std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), mapped.begin()));
  return mapped;
}

std::optional<Ipv4> from_mapped(const Ipv6& address) noexcept {
  if (!std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), address.begin())) return std::nullopt;
  return Ipv4{address[12], address[13], address[14], address[15]};
}

std::string to_string(const Ipv4& address) {
  return fmt::format("{}.{}.{}.{}", address[0], address[1], address[2], address[3]);
}

std::string to_string(const Ipv6& address) {
  if (const auto v4 = from_mapped(address)) return "::ffff:" + to_string(*v4);  // RFC 5952 5
  const Groups groups = groups_of(address);
  const Run run = shortened_run(groups);
  const auto head = fmt::format("{:x}", fmt::join(groups.begin(), groups.begin() + run.begin, ":"));
  if (run.begin == run.end) return fmt::format("{:x}", fmt::join(groups, ":"));
  return fmt::format("{}::{:x}", head, fmt::join(groups.begin() + run.end, groups.end(), ":"));
}

}  // namespace idetcd
