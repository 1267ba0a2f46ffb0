// EtcdProcess: a real etcd on free loopback ports, in a temporary folder of its own.
//
// Everything here throws std::runtime_error when etcd does not do as it is told: in a
// test that is a failure with a reason, and etcd's last log lines are in it.
#pragma once

#include <idetcd/etcd.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace idetcd::testing {

// A fresh folder under TMPDIR, removed with everything in it.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::string& name);
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

// A port that nobody listens on, outside the range of outgoing connections; free when
// it was looked at, no more.
std::uint16_t free_port();

// Where an etcd runs: on the loopback, or in a network namespace (support/cut_network.h).
struct Place {
  std::string host = "127.0.0.1";
  std::string netns{};  // empty: in ours
};

struct EtcdFlags {
  std::vector<std::string> extra;  // "--max-txn-ops=16"
  std::string scheme = "http";     // of the client port; with "https" add the certificate flags to `extra`
};

// Not thread-safe. The process dies with the thread that started it, so start it on a
// thread that lives as long as the test.
class EtcdProcess {
 public:
  // Started, and serving when the constructor returns.
  explicit EtcdProcess(EtcdFlags flags = {});
  ~EtcdProcess();  // SIGTERM, then SIGKILL; the folder goes too
  EtcdProcess(const EtcdProcess&) = delete;
  EtcdProcess& operator=(const EtcdProcess&) = delete;

  const std::string& endpoint() const noexcept { return endpoint_; }  // "http://127.0.0.1:23456"
  const std::filesystem::path& folder() const noexcept { return folder_.path(); }
  pid_t pid() const noexcept { return pid_; }  // 0: not running

  void kill();       // SIGKILL; does nothing when it is not running
  void terminate();  // SIGTERM, and SIGKILL if that does not end it
  void start();      // again: the same data, the same ports
  void pause();      // SIGSTOP: connections stay, nobody answers
  void resume();     // SIGCONT

  // etcdctl against this etcd; gives what it prints.
  std::string etcdctl(const std::vector<std::string>& arguments) const;
  void compact(Revision revision) const;
  void defragment() const;

 private:
  friend class EtcdCluster;
  struct Membership {  // of a cluster; fixed before the first start
    std::string name = "etcd";
    std::string peer_url;
    std::string initial_cluster;
  };
  EtcdProcess(EtcdFlags flags, Membership membership, Place place = {});

  std::vector<std::string> command() const;
  void spawn();
  bool wait_until_serving(std::chrono::steady_clock::time_point deadline);  // false: it has exited
  bool exited();
  std::string log_tail() const;

  const TemporaryFolder folder_;
  const EtcdFlags flags_;
  const Place place_;
  Membership membership_;
  std::string endpoint_;
  std::uint16_t health_port_ = 0;
  pid_t pid_ = 0;
};

// Several etcds that form one cluster.
class EtcdCluster {
 public:
  explicit EtcdCluster(std::size_t size = 3, const EtcdFlags& flags = {});
  explicit EtcdCluster(const std::vector<Place>& places, const EtcdFlags& flags = {});

  // All that do not run, at once: none serves before there is a majority.
  void start();

  EtcdProcess& member(std::size_t index) { return *members_.at(index); }
  std::size_t size() const noexcept { return members_.size(); }
  std::vector<std::string> endpoints() const;

 private:
  std::vector<std::unique_ptr<EtcdProcess>> members_;
};

// --- what most tests want: some etcd ------------------------------------------

// IDETCD_TEST_ENDPOINTS (comma-separated) names an etcd of somebody else's; cases tagged
// [own-etcd] are left out then.
bool uses_outside_etcd();

// That one, or else one etcd for the whole test program, started by the first caller.
std::vector<std::string> test_endpoints();

// connect() to it; throws when that fails.
std::shared_ptr<Etcd> connect_for_test(std::vector<std::string> endpoints = test_endpoints());

// "/idetcd-test/<random>/": keep to it, the etcd may be shared.
std::string random_prefix();

}  // namespace idetcd::testing
