#include <idetcd/pattern_template.h>

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "base/ascii.h"
#include "pattern/canonical.h"
#include "pattern/error.h"
#include "pattern/evaluator.h"
#include "pattern/names.h"
#include "pattern/parser.h"
#include "pattern/utf8.h"

namespace idetcd {
using namespace pattern;  // the implementation
namespace {

constexpr std::size_t kMaxPattern = 4096;

// A fault that has no one place in the pattern.
[[noreturn]] void refuse(std::string_view text, const std::string& reason) {
  throw std::invalid_argument(fmt::format("pattern {}: {}", excerpt(text), reason));
}

void check_text(std::string_view text) {
  if (text.empty()) refuse(text, "it is empty; write for example worker{{.ID}}.tf.local.");
  if (text.size() > kMaxPattern) refuse(text, fmt::format("it has {} bytes, {} are allowed", text.size(), kMaxPattern));
  if (!is_utf8(text)) refuse(text, "it is not UTF-8");
}

// Renders all ids. Whether the pattern itself ends its names with a dot.
class Renderer {
 public:
  Renderer(std::string_view text, const PatternAst& ast) : text_(text), evaluator_(ast) {}

  PatternNames run(SlotId limit) {
    PatternNames names(limit);
    for (SlotId id = 1; id <= limit; ++id) names.add(absolute_name(id));
    if (const auto twins = names.seal()) {
      refuse(text_, fmt::format("ids {} and {} both render {}; names must differ", twins->first, twins->second,
                                names.name(twins->first)));
    }
    return names;
  }

  bool ends_with_dot() const { return ends_with_dot_; }

 private:
  std::string_view absolute_name(SlotId id) {
    name_ = evaluate(id);
    internal::make_ascii_lower(name_);
    const bool dotted = name_.ends_with('.');
    if (id == 1) ends_with_dot_ = dotted;
    // Else there would be no one canonical pattern: a dot at its end would be one too many for some.
    if (dotted != ends_with_dot_) {
      refuse(text_,
             fmt::format("the name of id 1 ends with{} a dot and that of id {} with{}; put one dot at the very end",
                         ends_with_dot_ ? "" : "out", id, dotted ? "" : "out"));
    }
    if (!dotted) name_ += '.';
    if (const auto fault = host_name_fault(name_)) {
      refuse(text_, fmt::format("id {} renders {}: {}", id, excerpt(name_), *fault));
    }
    return name_;
  }

  std::string_view evaluate(SlotId id) {
    try {
      return evaluator_.render(id);
    } catch (const PatternError& error) {
      throw PatternError(error.offset(), fmt::format("{} (at id {})", error.what(), id));
    }
  }

  std::string_view text_;
  PatternEvaluator evaluator_;
  std::string name_;
  bool ends_with_dot_ = false;
};

// One name tells nothing about what is constant, so the pattern's last text does; a
// name that is all text is one of a zone's, not the zone.
std::string zone_of_one(const PatternAst& ast, std::string_view name) {
  const auto& last = ast.nodes.back();
  if (last.kind != PatternNode::Kind::kText) return ".";
  const auto constant =
      name.substr(name.size() - std::min(name.size(), last.text.size() + (last.text.ends_with('.') ? 0 : 1)));
  const auto zone = constant.substr(constant.find('.') + 1);
  return zone.empty() ? "." : std::string(zone);
}

std::vector<std::string> warnings_of(const PatternAst& ast, const PatternNames& names) {
  std::vector<std::string> warnings;
  bool underscore = false;
  bool numeric = false;
  for (SlotId id = 1; id <= names.size(); ++id) {
    const auto name = names.name(id);
    underscore = underscore || name.find('_') != std::string_view::npos;
    const auto last = name.substr(name.rfind('.', name.size() - 2) + 1);
    numeric = numeric || last.find_first_not_of("0123456789.") == std::string_view::npos;
  }
  if (underscore) warnings.emplace_back("'_' is not allowed in host names; some programs refuse such names.");
  if (numeric) warnings.emplace_back("The last label is a number; some programs take such names for addresses.");
  if (!ast.uses_id) warnings.emplace_back("The pattern has no .ID: it gives one name only.");
  return warnings;
}

}  // namespace

struct PatternTemplate::Table {
  PatternNames names;
  std::string zone;
  std::string canonical;
  std::vector<std::string> warnings;

  static Table build(std::string_view text, SlotId limit);
};

PatternTemplate::Table PatternTemplate::Table::build(std::string_view text, SlotId limit) {
  check_text(text);
  const auto ast = parse_pattern(text);
  if (!ast.uses_id && limit > 1) refuse(text, "it has no {{.ID}}, so all names would be equal");
  Renderer renderer(text, ast);
  Table table{renderer.run(limit), {}, {}, {}};
  table.zone = limit == 1 ? zone_of_one(ast, table.names.name(1)) : table.names.common_suffix();
  table.canonical = canonical_pattern(ast) + (renderer.ends_with_dot() ? "" : ".");
  if (table.canonical.size() > kMaxPattern) {
    refuse(text, fmt::format("it is too long: {} bytes in its canonical spelling, {} are allowed",
                             table.canonical.size(), kMaxPattern));
  }
  table.warnings = warnings_of(ast, table.names);
  return table;
}

Result<PatternTemplate> PatternTemplate::parse(std::string_view text, SlotId limit) {
  if (limit < 1 || limit > kMaxLimit) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("limit must be 1 to {}, not {}", kMaxLimit, limit), "limit"};
  }
  try {
    return PatternTemplate(std::make_shared<const Table>(Table::build(text, limit)));
  } catch (const PatternError& error) {
    return Error{ErrorCode::kInvalidArgument, explain(text, error.offset(), error.what()), "pattern"};
  } catch (const std::invalid_argument& error) {
    return Error{ErrorCode::kInvalidArgument, error.what(), "pattern"};
  }
}

SlotId PatternTemplate::limit() const noexcept {
  return static_cast<SlotId>(table_->names.size());
}
std::string_view PatternTemplate::render(SlotId id) const noexcept {
  return table_->names.name(id);
}
std::optional<SlotId> PatternTemplate::match(std::string_view name) const noexcept {
  return table_->names.find(name);
}
const std::string& PatternTemplate::zone() const noexcept {
  return table_->zone;
}
const std::string& PatternTemplate::canonical() const noexcept {
  return table_->canonical;
}
std::string_view PatternTemplate::min_name() const noexcept {
  return table_->names.least();
}
std::string_view PatternTemplate::max_name() const noexcept {
  return table_->names.greatest();
}
const std::vector<std::string>& PatternTemplate::warnings() const noexcept {
  return table_->warnings;
}

}  // namespace idetcd
