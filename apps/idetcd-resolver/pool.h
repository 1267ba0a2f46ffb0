// Pool: the records of one pattern, and this node's claim among its names.
#pragma once

#include <idetcd/etcd.h>
#include <idetcd/log.h>
#include <idetcd/record_store.h>
#include <idetcd/registration.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>

#include "common/settings/connection.h"
#include "common/settings/settings.h"
#include "common/system/exit_status.h"
#include "stats.h"

namespace idetcd::resolver {

// Called on threads of the pool's own.
struct PoolEvents {
  std::function<void()> on_claim_changed;          // claimed, lost, or another place in the queue
  std::function<void(const app::Exit&)> on_ended;  // the claim has ended, and the process should
};

// stats(), claims(), claimed_name() and position() may be called from any thread; all others are for one.
// The destructor gives the name back and returns in bounded time.
class Pool {
 public:
  // `pattern`: that of the settings. `among_others`: log messages begin with the pattern.
  Pool(app::PoolSettings settings, PatternTemplate pattern, bool among_others, const LogSink& log);

  const app::PoolSettings& settings() const noexcept { return settings_; }
  const PatternTemplate& pattern() const noexcept { return pattern_; }

  // Blocks until the records have been read once; false if `stop` was first. Throws
  // app::Exit if etcd refuses.
  using OnChange = std::function<void(const RecordSet&, std::span<const SlotId> changed)>;
  bool follow(const std::shared_ptr<Etcd>& etcd, OnChange on_change, const std::stop_token& stop);

  // From now on another one is told of the records: of all of them first, before this returns. After follow().
  void retarget(OnChange on_change);

  // Publishes something else. Blocks, at most 5 s, until etcd has it; it is tried again after that.
  void publish(app::Publication publication);

  // Starts to claim and returns at once.
  void claim(const std::shared_ptr<Etcd>& etcd, app::Publication publication, PoolEvents events);

  // How to end when max-wait is over; none: a name was claimed in time. Any thread.
  std::optional<app::Exit> wait_over() const;

  // Gives the name back. Blocks, at most 5 s.
  void release();

  // As release(), or, with on-stop keep, leaves the name to a successor.
  void leave();

  // Ends the claim and its callbacks, and tells nobody of records any more.
  void stop();

  // Logs the number of unreadable records if it has changed.
  void note_malformed();

  std::string claimed_name() const;       // empty: none now
  std::size_t position() const noexcept;  // in the queue for a name; 0: not in it
  bool ever_claimed() const noexcept { return claims_ > 0; }
  PoolStats stats() const;

 private:
  std::string addresses() const;
  void on_position(std::size_t position);
  void on_claimed(const Ownership& ownership);
  void on_lost();
  void on_ended(const Error& error);

  const app::PoolSettings settings_;
  const PatternTemplate pattern_;
  const std::string prefix_;  // of log messages
  const LogSink log_;
  PoolEvents events_;
  std::mutex telling_;  // may be held for as long as a change takes to publish
  OnChange target_;     // guarded by telling_, as is what it does
  mutable std::mutex mutex_;
  app::Publication publication_;  // guarded by mutex_
  std::size_t malformed_ = 0;     // as last logged

  std::unique_ptr<RecordStore> store_;
  std::unique_ptr<Registration> registration_;  // set and reset with mutex_

  // For other threads: the store once it exists, and the registration's last callbacks.
  std::atomic<const RecordStore*> store_there_{nullptr};
  std::atomic<bool> claimed_{false};
  std::atomic<SlotId> slot_{0};
  std::atomic<std::size_t> position_{0};
  std::atomic<std::uint64_t> claims_{0};
  std::atomic<std::uint64_t> losses_{0};
};

}  // namespace idetcd::resolver
