// A pool on an etcd in memory, and claims and keepers of it under one clock.
#pragma once

#include "claim/claim_keeper.h"
#include "claim/claim_run.h"
#include "support/eventually.h"
#include "support/fake_etcd.h"

#include <idetcd/record.h>
#include <catch2/catch.hpp>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace idetcd::testing {
using namespace internal;
using namespace std::chrono_literals;

inline Record at(unsigned char host) {
  Record record;
  record.ipv4.push_back({10, 0, 0, host});
  return record;
}

// What a log sink was given.
class Log {
 public:
  LogSink sink() {
    return [this](LogLevel, std::string_view message) {
      std::lock_guard lock(mutex_);
      lines_.emplace_back(message);
    };
  }
  std::vector<std::string> lines() const {
    std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;  // guarded by mutex_
};

enum class Time { kRuns, kStandsStill };  // either can be advanced

struct World {
  explicit World(SlotId limit, Time time = Time::kRuns)
      : clock(time == Time::kRuns ? ManualClock(boot_clock()) : ManualClock()),
        pattern(*PatternTemplate::parse("worker{{.ID}}.tf.local.", limit)) {}

  Result<HeldSlot> run(const std::shared_ptr<Etcd>& through, ClaimOptions options = {},
                       std::stop_token stop = {}) const {
    return ClaimRun({.etcd = through, .pattern = pattern, .options = std::move(options), .clock = &clock}, at(1), stop)
        .run();
  }
  std::shared_ptr<ClaimKeeper> keep(ClaimOptions options = {}) const { return keep(etcd, std::move(options)); }
  std::shared_ptr<ClaimKeeper> keep(const std::shared_ptr<Etcd>& through, ClaimOptions options = {}) const {
    auto held = run(through, std::move(options));
    REQUIRE(held.has_value());
    auto keeper = ClaimKeeper::start(std::move(*held));
    REQUIRE(keeper.has_value());
    kept.push_back(*keeper);
    return *keeper;
  }
  ~World() {
    etcd->set_network(FakeEtcd::Network::kRefusing);  // nothing to wait for
    for (const auto& keeper : kept) (void)keeper->release(clock.now());
  }

  std::size_t records() const {
    return etcd->range({.keys = PoolKeys("", pattern).records(), .count_only = true}, {})->count;
  }
  // The address that the record of `slot` has; 0: there is none.
  unsigned char address(SlotId slot) const {
    const auto reply = etcd->range({.keys = KeyRange::one(std::string(pattern.render(slot)))}, {});
    if (!reply || reply->kvs.empty()) return 0;
    return parse_record(reply->kvs.front().value)->ipv4.front()[3];
  }

  ManualClock clock;
  std::shared_ptr<FakeEtcd> etcd = std::make_shared<FakeEtcd>(clock);
  PatternTemplate pattern;
  mutable std::vector<std::shared_ptr<ClaimKeeper>> kept;
};

}  // namespace idetcd::testing
