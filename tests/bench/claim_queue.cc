// claim_queue: a full pool, W waiters, and W releases one by one.
//
//   claim_queue [WAITERS=100 [POOL=WAITERS]]
//
// The pool's other names are taken by others. Prints, as JSON, whether the waiters came in by ticket, how many
// transactions the hand-overs cost, how long after each release its successor owned the slot, and what each waiter made
// etcd send, from lining up to owning. Exit status 1 if the order was not that of the tickets.
#include <idetcd/idetcd.h>

#include "bench/etcd_metrics.h"
#include "support/counting_etcd.h"
#include "support/etcd_process.h"
#include "support/eventually.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <mutex>
#include <thread>

namespace idetcd::testing {
namespace {

using SteadyClock = std::chrono::steady_clock;
using namespace std::chrono_literals;

struct Entry {
  int waiter;
  SteadyClock::time_point at;
};

class Queue {
 public:
  Queue(int waiters, SlotId pool)
      : count_(waiters),
        etcd_(std::make_shared<CountingEtcd>(connect_for_test({server_.endpoint()}))),
        pattern_(*PatternTemplate::parse("worker{{.ID}}.tf.local.", pool)) {
    options_.path = random_prefix();
    options_.ttl = 60s;
    record_.ipv4.push_back({127, 0, 0, 1});
  }

  nlohmann::json run() {
    fill();
    const double sent_before = sent();
    line_up();
    const auto before = etcd_->requests();
    std::vector<double> hand_over;
    for (int i = 0; i < count_; ++i) {
      const auto released = SteadyClock::now();
      (void)owners_[static_cast<std::size_t>(i)].release();
      if (!eventually(20s, [&] { return entered() > static_cast<std::size_t>(i); })) break;
      std::lock_guard lock(mutex_);
      hand_over.push_back(
          std::chrono::duration<double, std::milli>(entries_[static_cast<std::size_t>(i)].at - released).count());
    }
    const auto transactions = etcd_->requests() - before - hand_over.size();  // less the revokes
    const double bytes = sent() - sent_before;
    std::sort(hand_over.begin(), hand_over.end());
    done_ = true;
    return {{"waiters", count_},
            {"pool", pattern_.limit()},
            {"bytes_down_per_waiter", static_cast<std::uint64_t>(bytes / count_)},
            {"entered", hand_over.size()},
            {"in_ticket_order", in_order()},
            {"transactions", transactions},
            {"hand_over_ms_median", hand_over.empty() ? -1 : hand_over[hand_over.size() / 2]},
            {"hand_over_ms_max", hand_over.empty() ? -1 : hand_over.back()}};
  }

 private:
  double sent() const { return scrape(server_.endpoint(), "etcd_network_client_grpc_sent_bytes_total"); }

  void fill() {
    Txn others;
    for (SlotId slot = static_cast<SlotId>(count_) + 1; slot <= pattern_.limit(); ++slot) {
      others.success.emplace_back(PutRequest{options_.path + std::string(pattern_.render(slot)), "{}", 0});
      if (others.success.size() < 100 && slot < pattern_.limit()) continue;
      (void)etcd_->txn(others, {});
      others.success.clear();
    }
    for (int i = 0; i < count_; ++i) {
      auto claim = SlotClaimer(etcd_, pattern_, options_).claim(record_);
      if (claim) owners_.push_back(std::move(*claim));
    }
  }

  void line_up() {
    ClaimOptions waiting = options_;
    waiting.on_full = OnFull::kWait;
    for (int i = 0; i < count_; ++i) {
      threads_.emplace_back([this, waiting, i](const std::stop_token& stop) {
        auto claim = SlotClaimer(etcd_, pattern_, waiting).claim(record_, stop);
        if (!claim) return;
        {
          std::lock_guard lock(mutex_);
          entries_.push_back({i, SteadyClock::now()});
        }
        while (!done_ && !stop.stop_requested()) std::this_thread::sleep_for(5ms);
      });
      const std::string queue = "/idetcd/" + options_.path + pattern_.canonical() + "/queue/";
      (void)eventually(
          20s, [&] { return etcd_->range({.keys = KeyRange::prefix(queue), .count_only = true}, {})->count == i + 1; });
    }
    std::this_thread::sleep_for(500ms);  // the last one's listing and watches
  }

  std::size_t entered() {
    std::lock_guard lock(mutex_);
    return entries_.size();
  }

  bool in_order() {
    std::lock_guard lock(mutex_);
    return entries_.size() == static_cast<std::size_t>(count_) &&
           std::is_sorted(entries_.begin(), entries_.end(),
                          [](const Entry& a, const Entry& b) { return a.waiter < b.waiter; });
  }

  const int count_;
  EtcdProcess server_;
  std::shared_ptr<CountingEtcd> etcd_;
  PatternTemplate pattern_;
  ClaimOptions options_;
  Record record_;
  std::vector<Claim> owners_;
  std::mutex mutex_;
  std::vector<Entry> entries_;
  std::atomic<bool> done_{false};
  std::vector<std::jthread> threads_;
};

}  // namespace
}  // namespace idetcd::testing

int main(int argc, char** argv) {
  const int waiters = argc > 1 && argv[1][0] != '-' ? std::atoi(argv[1]) : 100;
  const int pool = argc > 2 ? std::atoi(argv[2]) : waiters;
  if (waiters < 1 || waiters > 2000 || pool < waiters || pool > static_cast<int>(idetcd::kMaxLimit)) {
    fmt::print(stderr, "usage: claim_queue [WAITERS=100, at most 2000 [POOL=WAITERS]]\n");
    return 64;
  }
  const auto result = idetcd::testing::Queue(waiters, static_cast<idetcd::SlotId>(pool)).run();
  fmt::print("{}\n", result.dump(2));
  return result.at("in_ticket_order").get<bool>() ? 0 : 1;
}
