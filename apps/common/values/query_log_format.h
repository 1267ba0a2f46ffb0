// The format of a logged query, as the log directive of CoreDNS has it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace idetcd::app {

// What stands for a fact of the query or its answer.
enum class QueryField : std::uint8_t {
  kNone,  // only the text before
  kType,
  kName,
  kClass,
  kProto,
  kSize,
  kRemote,
  kPort,
  kId,
  kOpcode,
  kDnssecOk,
  kBufsize,
  kRcode,
  kRsize,
  kDuration,
  kFlags,
  kUnknown,  // of this machine, or of another plugin: "-"
};

struct QueryFormatPiece {
  std::string text;  // before the field
  QueryField field = QueryField::kNone;

  bool operator==(const QueryFormatPiece&) const = default;
};

// {common}, {combined} and each {field}; empty is {common}. As in CoreDNS, braces around anything else are text.
std::vector<QueryFormatPiece> parse_query_format(std::string_view format);

}  // namespace idetcd::app
