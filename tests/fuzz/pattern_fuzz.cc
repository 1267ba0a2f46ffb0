// Whatever parse takes names every slot, finds it again, and says the same in its
// canonical text, which is its own canonical text.
#include <idetcd/pattern_template.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using idetcd::PatternTemplate;
  constexpr idetcd::SlotId kLimit = 12;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const idetcd::SlotId limit : {kLimit, idetcd::SlotId{1}}) {
    const auto pattern = PatternTemplate::parse(text, limit);
    if (!pattern) {
      require(!pattern.error().message.empty());
      continue;
    }
    const auto again = PatternTemplate::parse(pattern->canonical(), limit);
    require(again && again->canonical() == pattern->canonical() && again->zone() == pattern->zone());
    for (idetcd::SlotId id = 1; id <= limit; ++id) {
      const auto name = pattern->render(id);
      require(again->render(id) == name);
      require(pattern->match(name) == id);
      require(pattern->zone() == "." || name.ends_with(pattern->zone()));
      require(pattern->min_name() <= name && name <= pattern->max_name());
    }
  }
  return 0;
}
