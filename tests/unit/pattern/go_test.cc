// The language, against what Go's own text/template makes of the same patterns.
#include <algorithm>
#include <catch2/catch.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "pattern/canonical.h"
#include "pattern/error.h"
#include "pattern/evaluator.h"
#include "pattern/parser.h"

namespace idetcd {
using namespace pattern;
namespace {

using std::string_view_literals::operator""sv;

struct GoRow {
  std::string_view pattern;
  std::uint32_t id;
  std::optional<std::string_view> text;  // none: Go fails, or writes garbage
};

constexpr GoRow kGoRows[] = {
#include "go_table.inc"
};

std::optional<std::string> render(std::string_view pattern, std::uint32_t id) {
  try {
    const auto ast = parse_pattern(pattern);
    return std::string(PatternEvaluator(ast).render(id));
  } catch (const PatternError&) {
    return std::nullopt;
  }
}

// Canonical text is lower-cased outside of actions, as names are.
std::string lowered(std::optional<std::string> text) {
  if (!text) return "(refused)";
  std::transform(text->begin(), text->end(), text->begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return *text;
}

}  // namespace

TEST_CASE("patterns render as Go renders them") {
  for (const auto& row : kGoRows) {
    INFO("pattern " << row.pattern << ", id " << row.id);
    CHECK(render(row.pattern, row.id) == row.text);
  }
}

TEST_CASE("the canonical text means the same, and is its own canonical text") {
  for (const auto& row : kGoRows) {
    if (!row.text) continue;
    const auto canonical = canonical_pattern(parse_pattern(row.pattern));
    INFO("pattern " << row.pattern << ", canonical " << canonical);
    CHECK(lowered(render(canonical, row.id)) == lowered(std::string(*row.text)));
    CHECK(canonical_pattern(parse_pattern(canonical)) == canonical);
  }
}

}  // namespace idetcd
