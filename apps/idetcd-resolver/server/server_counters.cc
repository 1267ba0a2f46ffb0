#include "server/server_counters.h"

namespace idetcd::resolver {

CounterTotals& CounterTotals::operator+=(const CounterTotals& other) noexcept {
  queries += other.queries;
  dropped += other.dropped;
  truncated += other.truncated;
  forwarded += other.forwarded;
  malformed += other.malformed;
  for (std::size_t i = 0; i < answers.size(); ++i) answers[i] += other.answers[i];
  return *this;
}

void ServerCounters::count(const Reply& reply) noexcept {
  queries.add(1);
  if (reply.forwarder != nullptr) return forwarded.add(1);
  if (reply.size == 0) {
    dropped.add(1);
    malformed.add(1);
    return;
  }
  answers[static_cast<std::size_t>(reply.rcode)].add(1);
  if (reply.rcode == Rcode::kFormErr) malformed.add(1);
  if (reply.truncated) truncated.add(1);
}

CounterTotals ServerCounters::totals() const noexcept {
  CounterTotals totals{queries.get(), dropped.get(), truncated.get(), forwarded.get(), malformed.get(), {}};
  for (std::size_t i = 0; i < answers.size(); ++i) totals.answers[i] = answers[i].get();
  return totals;
}

}  // namespace idetcd::resolver
