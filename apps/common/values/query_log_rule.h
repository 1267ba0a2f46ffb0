// QueryLogRule: one log directive of a Corefile.
#pragma once

#include <string>

namespace idetcd::app {

// What the log directive logs: queries for names in `zone` whose answer is of one of the classes.
struct QueryLogRule {
  std::string zone = ".";
  std::string format;    // empty: CoreDNS' common format
  bool success = false;  // answers with records
  bool denial = false;   // NXDOMAIN and NODATA
  bool error = false;    // all other response codes

  bool operator==(const QueryLogRule&) const = default;
};

}  // namespace idetcd::app
