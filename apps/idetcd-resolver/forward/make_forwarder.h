// make_forwarder(): what answers the questions of forward directives.
#pragma once

#include <idetcd/log.h>
#include <idetcd/result.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "answer/forwarder.h"
#include "common/values/forward_rule.h"

namespace idetcd::resolver {

struct ForwardOptions {
  std::vector<app::ForwardRule> rules{};  // at least one; no two of one zone
  std::optional<app::CacheRule> cache{};  // none: no answer is kept
  std::size_t max_udp = kMaxUdpReply;     // bytes of a reply over UDP
};

// Whether the options can work at all, without asking anybody: kInvalidArgument where libunbound
// refuses them, or forwarding is not built in.
Status check_forwarding(const ForwardOptions& options);

// It has a thread of its own. Every question is answered within 8 s, if need be with SERVFAIL. `log` may
// be called from that thread. Errors of
// check_forwarding(); kUnavailable: there is no thread, memory or descriptor left.
Result<std::shared_ptr<Forwarder>> make_forwarder(const ForwardOptions& options, LogSink log);

}  // namespace idetcd::resolver
