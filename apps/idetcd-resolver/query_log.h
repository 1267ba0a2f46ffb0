// QueryLog: writes the queries of the taps into the log.
#pragma once

#include <idetcd/log.h>

#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "answer/query_tap.h"
#include "common/values/query_log_format.h"

namespace idetcd::resolver {

// As CoreDNS' log directive has it. A pure function.
std::string to_text(const QueryEntry& entry, const std::vector<app::QueryFormatPiece>& format);

// Owns a thread, which empties the rings of its taps a few times a second. The destructor logs
// what is still in them.
class QueryLog {
 public:
  struct Source {
    std::shared_ptr<QueryTap> tap;
    std::vector<std::vector<app::QueryFormatPiece>> formats;  // by rule
  };

  // Throws std::system_error if there is no thread.
  QueryLog(std::vector<Source> sources, LogSink log);
  ~QueryLog();

 private:
  void run(const std::stop_token& stop);
  void drain() const;

  const std::vector<Source> sources_;
  const LogSink log_;
  std::jthread thread_;
};

}  // namespace idetcd::resolver
