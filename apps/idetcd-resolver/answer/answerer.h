// Answerer: what a server asks. It holds the policy and follows the published zones,
// so that the servers need to know neither.
#pragma once

#include <idetcd/snapshot.h>

#include <cstddef>
#include <memory>
#include <span>

#include "answer/reply.h"

namespace idetcd::resolver {

class ZoneSet;

// One request of a batch, and the place for its reply.
struct Exchange {
  RequestContext context{};
  std::span<const std::byte> request{};
  // At least kMaxUdpReply or kMaxTcpReply bytes. May begin where `request` does: the
  // reply then takes the request's place. No other overlap is allowed.
  std::span<std::byte> out{};
  Reply reply{};
};

// Immutable; every member may be called from any thread.
class Answerer {
 public:
  // `zones` must outlive it.
  Answerer(const Snapshot<ZoneSet>& zones, AnswerPolicy policy) : zones_(zones), policy_(std::move(policy)) {}
  Answerer(const Answerer&) = delete;
  Answerer& operator=(const Answerer&) = delete;

  class View;

 private:
  const Snapshot<ZoneSet>& zones_;
  const AnswerPolicy policy_;
};

// One thread's view of an Answerer, which must outlive it. Answering takes no lock and
// allocates nothing.
class Answerer::View {
 public:
  // `max_batch`: the most exchanges that are answered at once.
  View(const Answerer& answerer, std::size_t max_batch);
  ~View();

  // Moves on to the newest zones; those of before may then be freed. Call it once for
  // each batch, and a few times a second while nothing arrives. A lock is taken only if
  // new zones were published since the last call.
  void refresh();

  // Answers all, as of the last refresh(). Precondition: at most `max_batch`. The cache
  // misses of a batch overlap, so one call with many is cheaper than many calls.
  void answer(std::span<Exchange> batch) noexcept;

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace idetcd::resolver
