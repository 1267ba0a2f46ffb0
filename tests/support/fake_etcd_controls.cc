// What a test does to a FakeEtcd.
#include "base/backoff.h"
#include "support/fake_etcd.h"

namespace idetcd::testing {
using namespace internal;

void FakeEtcd::set_network(Network network) {
  std::lock_guard lock(mutex_);
  network_ = network;
  if (network == Network::kRefusing) break_locked();
  changed_.notify_all();
}

void FakeEtcd::break_streams() {
  std::lock_guard lock(mutex_);
  break_locked();
}

void FakeEtcd::stop() {
  std::lock_guard lock(mutex_);
  tick();
  stopped_ = true;
  break_locked();
}

void FakeEtcd::start() {
  std::lock_guard lock(mutex_);
  stopped_ = false;
  ++raft_term_;
  for (auto& [id, lease] : leases_) lease.ends = clock_.now() + lease.ttl;
  changed_.notify_all();
}

FakeEtcd::Backup FakeEtcd::backup() const {
  std::lock_guard lock(mutex_);
  Backup backup{store_, {}};
  for (const auto& [id, lease] : leases_) backup.leases.emplace(id, lease.ttl);
  return backup;
}

void FakeEtcd::restore(const Backup& backup) {
  std::lock_guard lock(mutex_);
  break_locked();
  store_ = backup.store;
  leases_.clear();
  for (const auto& [id, ttl] : backup.leases) leases_[id] = {ttl, clock_.now() + ttl};
  cluster_id_ = random_seed();
  raft_term_ = 2;
  changed_.notify_all();
}

Status FakeEtcd::compact(Revision at) {
  std::lock_guard lock(mutex_);
  return store_.compact(at);
}

void FakeEtcd::set_disk(Disk disk) {
  std::lock_guard lock(mutex_);
  disk_ = disk;
}

void FakeEtcd::expire(LeaseId lease) {
  std::lock_guard lock(mutex_);
  const auto it = leases_.find(lease);
  if (it == leases_.end()) return;
  it->second.ends = clock_.now();
  tick();
}

Revision FakeEtcd::revision() const {
  std::lock_guard lock(mutex_);
  return store_.revision();
}

std::size_t FakeEtcd::leases() const {
  std::lock_guard lock(mutex_);
  return leases_.size();
}

FakeEtcd::Counts FakeEtcd::counts() const {
  std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace idetcd::testing
