#include "common/values/query_log_format.h"

#include <algorithm>
#include <array>
#include <utility>

namespace idetcd::app {
namespace {

constexpr std::string_view kCommon =
    "{remote}:{port} - {>id} \"{type} {class} {name} {proto} {size} {>do} {>bufsize}\" {rcode} {>rflags} {rsize} "
    "{duration}";

constexpr std::array<std::pair<std::string_view, QueryField>, 16> kFields{{{"{type}", QueryField::kType},
                                                                           {"{name}", QueryField::kName},
                                                                           {"{class}", QueryField::kClass},
                                                                           {"{proto}", QueryField::kProto},
                                                                           {"{size}", QueryField::kSize},
                                                                           {"{remote}", QueryField::kRemote},
                                                                           {"{port}", QueryField::kPort},
                                                                           {"{local}", QueryField::kUnknown},
                                                                           {"{>id}", QueryField::kId},
                                                                           {"{>opcode}", QueryField::kOpcode},
                                                                           {"{>do}", QueryField::kDnssecOk},
                                                                           {"{>bufsize}", QueryField::kBufsize},
                                                                           {"{rcode}", QueryField::kRcode},
                                                                           {"{rsize}", QueryField::kRsize},
                                                                           {"{duration}", QueryField::kDuration},
                                                                           {"{>rflags}", QueryField::kFlags}}};

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

QueryField field_of(std::string_view label) {
  if (label.starts_with("{/")) return QueryField::kUnknown;
  const auto* const found = std::ranges::find(kFields, label, &decltype(kFields)::value_type::first);
  return found == kFields.end() ? QueryField::kNone : found->second;
}

}  // namespace

std::vector<QueryFormatPiece> parse_query_format(std::string_view format) {
  std::string rest(format.empty() ? kCommon : format);
  replace_all(rest, "{common}", kCommon);
  replace_all(rest, "{combined}", std::string(kCommon) + " \"{>opcode}\"");
  std::vector<QueryFormatPiece> pieces{{}};
  // From a closing brace back to the one that opens it, so that "{ {type} }" has a field in it.
  for (auto close = rest.find('}'); close != std::string::npos; close = rest.find('}')) {
    const auto open = rest.rfind('{', close);
    const QueryField field =
        open == std::string::npos ? QueryField::kNone : field_of(std::string_view(rest).substr(open, close - open + 1));
    pieces.back().text += rest.substr(0, field == QueryField::kNone ? close + 1 : open);
    if (field != QueryField::kNone) {
      pieces.back().field = field;
      pieces.emplace_back();
    }
    rest.erase(0, close + 1);
  }
  pieces.back().text += rest;
  return pieces;
}

}  // namespace idetcd::app
