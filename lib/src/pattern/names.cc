#include "pattern/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "pattern/error.h"

namespace idetcd::pattern {
namespace {

constexpr std::size_t kMaxLabel = 63;
constexpr std::size_t kMaxName = 253;  // without the trailing dot

bool is_legal(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

std::optional<std::string> label_fault(std::string_view label) {
  if (label.empty()) return "a label is empty";
  const auto bad = std::find_if_not(label.begin(), label.end(), is_legal);
  if (bad != label.end()) {
    return fmt::format("{} is not allowed in a host name, only letters, digits and hyphens are",
                       excerpt({bad, std::next(bad)}));
  }
  if (label.size() > kMaxLabel) {
    return fmt::format("the label {} has {} characters, {} are allowed", excerpt(label), label.size(), kMaxLabel);
  }
  if (label.front() == '-' || label.back() == '-') {
    return fmt::format("the label {} must not start or end with a hyphen", excerpt(label));
  }
  return std::nullopt;
}

// A name's bytes behind what all names have in common, for a sort that seldom reads names.
struct SortKey {
  std::uint64_t head;
  std::uint32_t id;
};

std::uint64_t head_of(std::string_view text) {
  std::uint64_t head = 0;
  for (std::size_t i = 0; i < sizeof head; ++i) {
    head = head << 8 | (i < text.size() ? static_cast<unsigned char>(text[i]) : 0U);
  }
  return head;
}

std::size_t common_prefix(std::string_view a, std::string_view b) {
  return static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

}  // namespace

std::optional<std::string> host_name_fault(std::string_view name) {
  if (name.size() > kMaxName + 1) return fmt::format("it is longer than {} characters", kMaxName);
  for (auto rest = name; !rest.empty();) {
    const auto label = rest.substr(0, rest.find('.'));
    if (auto fault = label_fault(label)) return fault;
    rest.remove_prefix(label.size() + 1);
  }
  return std::nullopt;
}

void PatternNames::add(std::string_view name) {
  bytes_ += name;
  ends_.push_back(static_cast<std::uint32_t>(bytes_.size()));
}

std::optional<PatternNames::Twins> PatternNames::seal() {
  bytes_.shrink_to_fit();
  order_.resize(size());
  auto shared = name(1).size();
  for (std::uint32_t id = 2; id <= size(); ++id) shared = common_prefix(name(1).substr(0, shared), name(id));
  std::vector<SortKey> keys(size());
  for (std::uint32_t id = 1; id <= size(); ++id) keys[id - 1] = {head_of(name(id).substr(shared)), id};
  std::sort(keys.begin(), keys.end(), [this](const SortKey& a, const SortKey& b) {
    if (a.head != b.head) return a.head < b.head;
    const int order = name(a.id).compare(name(b.id));
    return order != 0 ? order < 0 : a.id < b.id;
  });
  std::transform(keys.begin(), keys.end(), order_.begin(), [](const SortKey& key) { return key.id; });
  std::optional<Twins> twins;
  for (std::size_t i = 1; i < size(); ++i) {
    if (keys[i - 1].head != keys[i].head || name(order_[i - 1]) != name(order_[i])) continue;
    if (!twins || order_[i] < twins->second) twins = Twins{order_[i - 1], order_[i]};
  }
  return twins;
}

std::string_view PatternNames::name(std::uint32_t id) const noexcept {
  const auto start = id == 1 ? 0 : ends_[id - 2];
  return {bytes_.data() + start, ends_[id - 1] - start};
}

std::optional<std::uint32_t> PatternNames::find(std::string_view wanted) const noexcept {
  std::array<char, kMaxName + 1> lowered;
  if (wanted.ends_with('.')) wanted.remove_suffix(1);
  if (wanted.size() > kMaxName) return std::nullopt;
  auto* end = std::transform(wanted.begin(), wanted.end(), lowered.begin(), internal::ascii_lower);
  *end++ = '.';
  const std::string_view key(lowered.data(), static_cast<std::size_t>(end - lowered.data()));
  const auto found = std::lower_bound(order_.begin(), order_.end(), key,
                                      [this](std::uint32_t id, std::string_view text) { return name(id) < text; });
  if (found == order_.end() || name(*found) != key) return std::nullopt;
  return *found;
}

std::string_view PatternNames::common_suffix() const noexcept {
  const auto first = name(1);
  std::size_t same = first.size();
  for (std::uint32_t id = 2; id <= size(); ++id) {
    const auto other = name(id);
    const auto shared = first.substr(first.size() - same);
    const auto end = std::mismatch(shared.rbegin(), shared.rend(), other.rbegin(), other.rend());
    same = static_cast<std::size_t>(end.first - shared.rbegin());
    // A suffix that starts within a label of either name starts one label later.
    const bool splits = (same < first.size() && first[first.size() - same - 1] != '.') ||
                        (same < other.size() && other[other.size() - same - 1] != '.');
    if (splits) {
      const auto dot = first.find('.', first.size() - same);
      same = dot == std::string_view::npos ? 0 : first.size() - dot - 1;
    }
  }
  return same == 0 ? "." : first.substr(first.size() - same);
}

}  // namespace idetcd::pattern
