// DemoCluster: a temporary etcd and real resolvers on this machine.
#pragma once

#include <idetcd/etcd.h>
#include <idetcd/record_store.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "common/system/child_process.h"
#include "common/system/dev_etcd.h"
#include "common/system/temporary_folder.h"

namespace idetcd::tool {

struct DemoOptions {
  unsigned nodes = 5;
  std::chrono::seconds ttl{3};
  std::string resolver;  // the program; empty: the one beside this program, else of the PATH
};

// A node is a process; all have the same Corefile and differ in their own address,
// as machines do: 127.0.1.<n>, and fd00:1d::<n> for AAAA.
struct DemoNode {
  unsigned number = 0;  // from 1
  std::string ipv4;
  std::string ipv6;
  app::ChildProcess process;
};

// For one thread. The destructor kills what still runs and removes all files.
class DemoCluster {
 public:
  // Starts etcd and connects to it. Throws app::Exit.
  explicit DemoCluster(const DemoOptions& options);
  ~DemoCluster();

  const std::string& endpoint() const { return etcd_process_->endpoint(); }
  const std::string& corefile() const { return corefile_; }
  const PatternTemplate& pattern() const { return pattern_; }
  std::uint16_t port() const { return port_; }  // at which every node answers DNS

  // Starts one more node; returns at once.
  // Throws app::Exit if it cannot be started. Valid until nodes() is changed.
  const DemoNode& start_node();

  std::vector<DemoNode>& nodes() { return nodes_; }

  // The running node that owns `record`, by its address; null: none.
  DemoNode* owner(const NamedRecord& record);

  // The owners of the names, read from etcd directly.
  std::shared_ptr<const RecordSet> records() const { return records_->snapshot(); }

  // The end of the log of node `number`.
  std::string log_of(unsigned number) const;

 private:
  std::filesystem::path log_file(unsigned number) const;

  const DemoOptions options_;
  const PatternTemplate pattern_;
  std::unique_ptr<app::DevEtcd> etcd_process_;
  app::TemporaryFolder folder_;
  std::uint16_t port_ = 0;
  std::string program_;
  std::string corefile_;
  std::unique_ptr<RecordStore> records_;
  std::vector<DemoNode> nodes_;
  unsigned started_ = 0;
};

}  // namespace idetcd::tool
