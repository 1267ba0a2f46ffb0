// Counters of the servers. One thread writes a ServerCounters, any thread reads it:
// relaxed loads and stores, no locked instruction on the answer path.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "answer/reply.h"
#include "wire/wire.h"

namespace idetcd::resolver {

// A number with one writer.
class Counter {
 public:
  void add(std::uint64_t amount) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// The same numbers as a plain value, and sums of them.
struct CounterTotals {
  std::uint64_t queries = 0;                     // requests received
  std::uint64_t dropped = 0;                     // not answered: malformed, or the send failed
  std::uint64_t truncated = 0;                   // answered with TC
  std::uint64_t forwarded = 0;                   // handed on; `answers` has none of them
  std::uint64_t malformed = 0;                   // too short, a reply itself, or FORMERR
  std::array<std::uint64_t, kRcodes> answers{};  // by rcode

  CounterTotals& operator+=(const CounterTotals& other) noexcept;
};

// Of one worker; on cache lines of its own.
struct alignas(128) ServerCounters {
  Counter queries, dropped, truncated, forwarded, malformed;
  std::array<Counter, kRcodes> answers;

  // One request and its reply.
  void count(const Reply& reply) noexcept;
  CounterTotals totals() const noexcept;
};

struct TcpTotals {
  CounterTotals queries;
  std::uint64_t accepted = 0;
  std::uint64_t open = 0;       // now
  std::uint64_t shed = 0;       // closed to make room
  std::uint64_t timed_out = 0;  // closed for sending nothing, or for not reading
};

}  // namespace idetcd::resolver
