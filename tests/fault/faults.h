// Faults of a cluster of three etcds in namespaces of their own, and what nodes, watches and
// a DNS server make of them.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "nodes.h"
#include "support/cut_network.h"
#include "support/etcd_process.h"
#include "support/program.h"

namespace idetcd::testing {

// Writes a counter into the record of probe1 all the time, and asks a DNS server for it: what
// etcd has confirmed and the answer does not show is how far it is behind.
class LagProbe {
 public:
  LagProbe(const std::vector<std::string>& endpoints, std::chrono::seconds ttl);

  struct Seen {
    std::chrono::milliseconds worst{0};  // behind etcd
    long queries = 0;
    long failed = 0;
  };
  Seen seen() const;
  void forget();
  std::string state();   // for a message
  bool current() const;  // shows what was confirmed last

 private:
  using Moment = std::chrono::steady_clock::time_point;

  void write(const std::stop_token& stop);
  void read(const std::stop_token& stop);
  void note(std::size_t shown);

  const std::shared_ptr<Etcd> etcd_;
  Resolver resolver_;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::vector<Moment> confirmed_;  // guarded by mutex_, as are the next two: when count i + 1 was
  std::size_t shown_ = 0;
  Seen seen_;
  std::jthread writer_;
  std::jthread reader_;
};

// Asks every member, ten times a second, to renew a lease of its own: what it cannot get
// confirmed nobody could.
class Oracle {
 public:
  explicit Oracle(const std::vector<std::string>& endpoints);
  ~Oracle();

  // The longest time up to now in which no request was sent that etcd answered.
  std::chrono::milliseconds longest_gap() const;
  void forget();

 private:
  struct Log;
  std::vector<std::shared_ptr<Etcd>> members_;
  LeaseId lease_ = 0;
  std::shared_ptr<Log> log_;
  std::jthread thread_;
};

struct FaultyCluster;

struct Fault {
  std::string name;
  std::chrono::milliseconds time;
  std::function<void(FaultyCluster&)> begin;
  std::function<void(FaultyCluster&)> end;
  bool may_lose = false;       // etcd ends leases, or cannot be reached
  bool cuts_clients = false;   // from all members
  bool old_may_share = false;  // an etcd with issue 15247 gives a slot to two
};

struct Outcome {
  int losses = 0;                       // etcd did not confirm in time
  int taken = 0;                        // etcd ended the lease
  std::chrono::milliseconds gap{0};     // in which etcd would have confirmed no lease
  std::chrono::milliseconds shared{0};  // the longest time for which a slot had two owners
  std::chrono::milliseconds heal{0};    // from the end of the fault until all is as before
  LagProbe::Seen seen;
};

struct FaultyCluster {
  static constexpr std::size_t kMembers = 3;
  static constexpr std::size_t kClients = 3;  // the host

  FaultyCluster(std::size_t slots, std::size_t waiters, std::chrono::seconds ttl);

  // With everything well before it and after it. Throws when it does not become well.
  Outcome run(const Fault& fault);

  std::size_t leader();  // throws when there is none for long
  EtcdProcess& follower() { return cluster.member((leader() + 1) % kMembers); }
  void cut_leader_from_peers();

  CutNetwork network{kMembers + 1};
  const std::chrono::seconds ttl;
  const std::size_t slots;
  EtcdCluster cluster;
  const PatternTemplate pattern;
  std::vector<std::shared_ptr<Etcd>> connections;
  Nodes nodes;
  std::unique_ptr<OneOwnerWatcher> watcher;
  std::unique_ptr<LagProbe> probe;
  std::unique_ptr<Oracle> oracle;

 private:
  bool well() const;
  std::string state() const;
  int count(int (Node::*losses)() const) const;
};

std::string in_one_line(const Fault& fault, const Outcome& outcome);

// Each kind once. For the long ones `time` is more than a lease lives.
std::vector<Fault> all_faults();
std::vector<Fault> long_cuts();  // of all clients, after which connections look open and are not

}  // namespace idetcd::testing
