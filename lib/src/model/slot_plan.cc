#include "model/slot_plan.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>

namespace idetcd::internal {
namespace {

// Numbers as text, five bits a digit, the lowest first; a digit from 32 on says that
// another follows.
constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint32_t kMore = 32;
constexpr std::size_t kMaxDigits = 4;    // of a slot number: 20 bits
constexpr std::size_t kRestBytes = 112;  // of the JSON around them
static_assert(kMaxLimit < 1U << (5 * kMaxDigits));

void append(std::string& text, std::uint32_t number) {
  for (; number >= kMore; number /= kMore) text += kDigits[kMore + number % kMore];
  text += kDigits[number];
}

std::optional<std::uint32_t> take(std::string_view& text) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < std::min(text.size(), kMaxDigits); ++i) {
    const auto digit = kDigits.find(text[i]);
    if (digit == std::string_view::npos) return std::nullopt;
    number |= static_cast<std::uint32_t>(digit % kMore) << (5 * i);
    if (digit >= kMore) continue;
    text.remove_prefix(i + 1);
    return number;
  }
  return std::nullopt;
}

std::optional<std::vector<SlotRun>> parse_runs(std::string_view text, SlotId limit) {
  std::vector<SlotRun> runs;
  std::uint32_t end = 1;  // of the run before
  while (!text.empty()) {
    const auto gap = take(text);
    const auto count = gap ? take(text) : std::nullopt;
    if (!count || *count == 0 || end + *gap + *count > limit + 1) return std::nullopt;
    runs.push_back({end + *gap, *count});
    end += *gap + *count;
  }
  return runs;
}

}  // namespace

std::size_t SlotPlan::size() const noexcept {
  std::size_t slots = 0;
  for (const SlotRun& run : runs) slots += run.count;
  return slots;
}

SlotId SlotPlan::last() const noexcept {
  return runs.empty() ? 0 : runs.back().first + runs.back().count - 1;
}

void SlotPlan::remove(SlotId slot) {
  const auto run = std::find_if(runs.begin(), runs.end(), [slot](const SlotRun& one) {
    return slot >= one.first && slot < one.first + one.count;
  });
  if (run == runs.end()) return;
  const SlotRun behind{slot + 1, run->first + run->count - slot - 1};
  run->count = slot - run->first;
  const auto next = behind.count == 0 ? run + 1 : runs.insert(run + 1, behind);
  if ((next - 1)->count == 0) runs.erase(next - 1);
}

std::vector<SlotId> SlotPlan::from(std::int64_t turn, std::size_t count) const {
  std::vector<SlotId> slots;
  auto before = static_cast<std::uint64_t>(turn - base);  // slots that belong to earlier turns
  for (const SlotRun& run : runs) {
    for (; before < run.count && slots.size() < count; ++before) {
      slots.push_back(run.first + static_cast<SlotId>(before));
    }
    if (slots.size() == count) break;
    before -= run.count;
  }
  return slots;
}

std::string to_json(const SlotPlan& plan) {
  std::string free;
  SlotId end = 1;
  bool complete = plan.complete;
  for (const SlotRun& run : plan.runs) {
    if (free.size() + 2 * kMaxDigits + kRestBytes > kMaxPlanBytes) {
      complete = false;
      break;
    }
    append(free, run.first - end);
    append(free, run.count);
    end = run.first + run.count;
  }
  nlohmann::json json{{"base", plan.base}, {"limit", plan.limit}, {"complete", complete}, {"free", free}};
  if (plan.since != 0) json["since"] = plan.since;
  return json.dump();
}

std::optional<SlotPlan> parse_slot_plan(std::string_view json) {
  if (json.size() > kMaxPlanBytes) return std::nullopt;
  const auto parsed = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) return std::nullopt;
  const auto base = parsed.find("base");
  const auto limit = parsed.find("limit");
  const auto complete = parsed.find("complete");
  const auto free = parsed.find("free");
  if (base == parsed.end() || !base->is_number_unsigned() || limit == parsed.end() || !limit->is_number_unsigned() ||
      complete == parsed.end() || !complete->is_boolean() || free == parsed.end() || !free->is_string()) {
    return std::nullopt;
  }
  const auto bound = limit->get<std::uint64_t>();
  if (bound == 0 || bound > kMaxLimit) return std::nullopt;
  auto runs = parse_runs(free->get_ref<const std::string&>(), static_cast<SlotId>(bound));
  const auto first_turn = base->get<std::uint64_t>();
  if (!runs || first_turn > std::numeric_limits<std::int64_t>::max()) return std::nullopt;
  const auto since = parsed.find("since");
  return SlotPlan{static_cast<std::int64_t>(first_turn),
                  since != parsed.end() && since->is_number_integer() ? since->get<Revision>() : 0,
                  static_cast<SlotId>(bound), complete->get<bool>(), std::move(*runs)};
}

}  // namespace idetcd::internal
