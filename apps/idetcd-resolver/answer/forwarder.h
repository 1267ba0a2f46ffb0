// Forwarder: takes the questions that are not ours to answer, and has them answered elsewhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "answer/reply.h"
#include "wire/name_hash.h"

namespace idetcd::resolver {

// A question on its way to another server.
struct ForwardedQuery {
  std::vector<std::byte> request;
  RequestContext context{};
  // Sends the reply. Called once at most, from any thread, never after Forwarder::stop().
  std::function<void(std::span<const std::byte>)> reply{};
};

struct ForwardTotals {
  std::uint64_t queries = 0;    // that were taken
  std::uint64_t refused = 0;    // since too many were under way
  std::uint64_t failed = 0;     // answered with SERVFAIL: no upstream answered in time, or none that can be believed
  std::uint64_t in_flight = 0;  // now
};

// Every member may be called from any thread.
class Forwarder {
 public:
  virtual ~Forwarder() = default;

  // Whether questions for `name` are forwarded. Takes no lock and allocates nothing.
  virtual bool covers(WireName name) const noexcept = 0;

  // Does not wait. One that cannot be taken is answered with REFUSED before this returns.
  virtual void take(ForwardedQuery query) = 0;

  virtual ForwardTotals totals() const = 0;

  // Ends what is under way without an answer; what is taken afterwards gets none either. Blocks
  // until no reply is being sent.
  virtual void stop() = 0;
};

}  // namespace idetcd::resolver
