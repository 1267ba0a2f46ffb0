#include "doctor/finding.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "common/system/terminal.h"
#include "common/values/printable.h"
#include "pools/name_text.h"

namespace idetcd::tool {
namespace {

std::string_view word(Verdict verdict) {
  if (verdict == Verdict::kOk) return "ok";
  return verdict == Verdict::kWarn ? "warn" : "fail";
}

std::string_view colour(Verdict verdict) {
  if (verdict == Verdict::kOk) return "\x1b[32m";
  return verdict == Verdict::kWarn ? "\x1b[33m" : "\x1b[31m";
}

void print_text(std::span<const Finding> findings) {
  const bool colours = app::shows_colours(STDOUT_FILENO);
  for (const Finding& each : findings) {
    fmt::print("{}{:<4}{}  {}: {}\n", colours ? colour(each.verdict) : "", word(each.verdict), colours ? "\x1b[0m" : "",
               app::printable(each.what), app::printable(each.text));
    if (!each.remedy.empty()) fmt::print("      -> {}\n", app::printable(each.remedy));
  }
  const auto count = [&](Verdict verdict) { return std::ranges::count(findings, verdict, &Finding::verdict); };
  fmt::print("{} ok, {} to look at, {} wrong\n", count(Verdict::kOk), count(Verdict::kWarn), count(Verdict::kFail));
}

void print_json(std::span<const Finding> findings) {
  nlohmann::json all = nlohmann::json::array();
  for (const Finding& each : findings)
    all.push_back({{"verdict", word(each.verdict)}, {"what", each.what}, {"text", each.text}, {"remedy", each.remedy}});
  fmt::print("{}", dump(all, 2));
}

}  // namespace

void print_findings(std::span<const Finding> findings, bool as_json) {
  as_json ? print_json(findings) : print_text(findings);
}

}  // namespace idetcd::tool
