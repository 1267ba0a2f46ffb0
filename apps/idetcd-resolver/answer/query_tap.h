// QueryTap: the queries of a server block that are to be logged, on their way to a thread that does so.
//
// Answering writes into a ring of its own and never waits: when the ring is full, a query is
// counted instead.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "answer/answer.h"
#include "answer/reply.h"
#include "common/values/query_log_rule.h"

namespace idetcd::resolver {

// A query and its answer, as far as a log tells of them.
struct QueryEntry {
  std::size_t rule = 0;  // index into the rules
  Ipv6 client{};         // IPv4 as IPv4-mapped IPv6
  std::uint16_t port = 0;
  Transport transport = Transport::kUdp;
  std::uint16_t id = 0;
  std::uint16_t type = 0;
  std::uint16_t qclass = 0;
  bool dnssec_ok = false;
  std::uint16_t bufsize = 0;
  std::size_t size = 0;
  std::size_t reply_size = 0;  // 0: not answered
  Rcode rcode = Rcode::kNoError;
  std::array<std::uint8_t, 2> flags{};  // of the reply, as on the wire
  std::chrono::nanoseconds duration{0};
  std::size_t name_size = 0;
  std::array<std::byte, kMaxNameSize> name;  // wire format, lower case
};

// One thread writes, one reads.
class QueryRing {
 public:
  // Where the next entry goes; null if the ring is full. commit() makes it visible.
  QueryEntry* next() noexcept {
    const std::size_t write = write_.load(std::memory_order_relaxed);
    if (write - read_.load(std::memory_order_acquire) == kSize) {
      lost_.fetch_add(1, std::memory_order_relaxed);
      return nullptr;
    }
    return &entries_[write % kSize];
  }
  void commit() noexcept { write_.store(write_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

  // The oldest; null if there is none.
  const QueryEntry* front() const noexcept {
    const std::size_t read = read_.load(std::memory_order_relaxed);
    return read == write_.load(std::memory_order_acquire) ? nullptr : &entries_[read % kSize];
  }
  void pop() noexcept { read_.store(read_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

  // How many there was no room for since the last call.
  std::uint64_t take_lost() noexcept { return lost_.exchange(0, std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kSize = 1024;

  std::vector<QueryEntry> entries_{kSize};
  alignas(64) std::atomic<std::size_t> write_{0};
  alignas(64) std::atomic<std::size_t> read_{0};
  std::atomic<std::uint64_t> lost_{0};
};

class QueryTap {
 public:
  explicit QueryTap(std::span<const app::QueryLogRule> rules);

  // A ring for a thread that answers; it lives as long as the tap. Any thread.
  QueryRing& add_ring();

  // Puts the query into `ring` if the first rule for its name wants its answer. `reply`: the bytes
  // that were sent. Takes no lock and allocates nothing.
  void note(QueryRing& ring, const RequestContext& context, std::size_t request_size, const ReadRequest& request,
            const Reply& reply, std::span<const std::byte> bytes, std::chrono::nanoseconds duration) const noexcept;

  // The rings that there are now. Any thread.
  std::vector<QueryRing*> rings() const;

 private:
  struct Rule {
    Bytes zone;
    bool success;
    bool denial;
    bool error;

    bool wants(const ReadRequest& request, const Reply& reply, std::span<const std::byte> bytes) const noexcept;
  };

  std::vector<Rule> rules_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<QueryRing>> rings_;  // guarded by mutex_
};

}  // namespace idetcd::resolver
