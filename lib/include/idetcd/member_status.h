// member_statuses(): what each member of an etcd cluster says of itself.
#pragma once

#include <idetcd/etcd.h>
#include <idetcd/export.h>
#include <idetcd/result.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace idetcd {

// A plain value.
struct MemberStatus {
  std::string version;                   // of etcd, "3.5.16"
  std::uint64_t cluster = 0;             // the same for all members of a cluster
  bool leader = false;                   // whether it is the leader
  bool has_leader = false;               // false: it cannot serve; it has lost the others
  std::int64_t database_size = 0;        // bytes
  std::vector<std::string> alarms;       // "NOSPACE" ..., in etcd's words
  std::vector<std::string> known_bugs;   // of that version, that matter to claims and DNS: a sentence each
  std::chrono::microseconds latency{0};  // of this question, with the time to connect
};

struct MemberAnswer {
  std::string endpoint;  // a URL, as in the options' order
  Result<MemberStatus> status;
};

// Asks every endpoint itself, which is one question to each (Maintenance.Status, which
// needs no user). Blocks, at most `timeout` for each. kInvalidArgument: the options are wrong. Not in a forked
// child of a process that has used gRPC: kUnavailable there.
IDETCD_EXPORT Result<std::vector<MemberAnswer>> member_statuses(const EtcdOptions& options,
                                                                std::chrono::milliseconds timeout);

}  // namespace idetcd
