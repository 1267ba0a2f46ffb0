// Answerer: what a server asks. It holds the policies and follows the published zones,
// so that the servers need to know neither.
#pragma once

#include <idetcd/snapshot.h>

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

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

// A server block: how names that lie in its zones are answered.
struct AnswerBlock {
  std::vector<Bytes> zones;            // wire format, lower case; at least one
  const Snapshot<ZoneSet>* records{};  // never null; lives as long as `owner`, or longer than the Answerer
  AnswerPolicy policy{};
  std::shared_ptr<const void> owner{};
};

// Every member may be called from any thread.
class Answerer {
 public:
  // All names are of one block. `records` must outlive it.
  Answerer(const Snapshot<ZoneSet>& records, AnswerPolicy policy);
  // A name is answered by the block that has the longest zone in which it lies, and REFUSED if
  // there is none. Preconditions: at least one block; no zone is in two.
  explicit Answerer(std::vector<AnswerBlock> blocks);

  // Puts others in their place, under the same conditions. Each View takes them up with its next
  // refresh(); the former ones are freed, with their owners, once all have.
  void replace(std::vector<AnswerBlock> blocks);

  Answerer(const Answerer&) = delete;
  Answerer& operator=(const Answerer&) = delete;

  class View;

 private:
  struct Route {
    Bytes zone;
    std::size_t block;
  };

  struct Blocks {
    explicit Blocks(std::vector<AnswerBlock> all);

    const std::vector<AnswerBlock> blocks;
    const std::vector<Route> routes;  // the longest zone first; empty: all names are of the one block
  };

  Snapshot<Blocks> current_;
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
  // new zones or blocks were published since the last call.
  void refresh();

  // Answers all, as of the last refresh(). Precondition: at most `max_batch`. The cache
  // misses of a batch overlap, so one call with many is cheaper than many calls.
  void answer(std::span<Exchange> batch) noexcept;

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace idetcd::resolver
