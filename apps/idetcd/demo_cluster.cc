#include "demo_cluster.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>

#include "common/system/exit_status.h"
#include "common/system/free_ports.h"
#include "common/system/log.h"

namespace idetcd::tool {
namespace {

constexpr std::string_view kPattern = "worker{{.ID}}.tf.local.";

PatternTemplate demo_pattern(unsigned nodes) {
  auto pattern = PatternTemplate::parse(kPattern, nodes);
  if (!pattern) throw app::Exit(pattern.error());
  return std::move(*pattern);
}

std::unique_ptr<app::DevEtcd> start_etcd() {
  auto etcd = app::DevEtcd::start(app::open_log(LogLevel::kWarning));
  if (!etcd) throw app::Exit(etcd.error());
  return std::move(*etcd);
}

app::TemporaryFolder make_folder() {
  auto folder = app::TemporaryFolder::create("idetcd-demo-");
  if (!folder) throw app::Exit(folder.error());
  return std::move(*folder);
}

// Beside this program when installed, in a sibling directory in the build tree.
std::string find_resolver() {
  std::error_code ignored;
  const auto here = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
  for (const auto& candidate : {here / "idetcd-resolver", here.parent_path() / "idetcd-resolver" / "idetcd-resolver"}) {
    if (std::filesystem::is_regular_file(candidate, ignored)) return candidate.string();
  }
  return "idetcd-resolver";
}

// The nodes must not be configured by what is meant for others.
std::vector<std::string> clean_environment() {
  std::vector<std::string> all = app::current_environment();
  std::erase_if(all, [](const std::string& entry) {
    return entry.starts_with("IDETCD_") || entry.starts_with("ETCDCTL_") || entry.starts_with("NOTIFY_SOCKET=");
  });
  return all;
}

}  // namespace

DemoCluster::DemoCluster(const DemoOptions& options)
    : options_(options),
      pattern_(demo_pattern(options.nodes)),
      etcd_process_(start_etcd()),
      folder_(make_folder()),
      port_(app::free_loopback_ports(1).front()),
      program_(options.resolver.empty() ? find_resolver() : options.resolver) {
  corefile_ = fmt::format(
      ".:{} {{\n"
      "    idetcd {{\n"
      "        endpoint {}\n"
      "        limit {}\n"
      "        pattern {}\n"
      "        ttl {}s\n"
      "    }}\n"
      "}}\n",
      port_, endpoint(), options.nodes, kPattern, options.ttl.count());
  std::ofstream(folder_.path() / "Corefile") << corefile_;

  auto etcd = connect({.endpoints = {endpoint()}});
  if (!etcd) throw app::Exit(etcd.error());
  auto store = RecordStore::open(std::move(*etcd), {.pattern = pattern_, .path = {}});
  if (!store) throw app::Exit(store.error());
  records_ = std::move(*store);
}

DemoCluster::~DemoCluster() = default;

const DemoNode& DemoCluster::start_node() {
  const unsigned number = ++started_;
  std::string ipv4 = fmt::format("127.0.{}.{}", 1 + (number - 1) / 250, (number - 1) % 250 + 1);
  std::string ipv6 = fmt::format("fd00:1d::{:x}", number);
  const int log = ::open(log_file(number).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  auto process = app::ChildProcess::start({.argv = {program_, "--conf", (folder_.path() / "Corefile").string(),
                                                    "--listen", ipv4, "--advertise", fmt::format("{},{}", ipv4, ipv6)},
                                           .environment = clean_environment(),
                                           .stdout_fd = log,
                                           .stderr_fd = log,
                                           .own_process_group = true,
                                           .dies_with_thread = true});
  if (log >= 0) ::close(log);
  if (!process) throw app::Exit(process.error());
  nodes_.push_back({number, std::move(ipv4), std::move(ipv6), std::move(*process)});
  return nodes_.back();
}

DemoNode* DemoCluster::owner(const NamedRecord& record) {
  if (record.record.ipv4.empty()) return nullptr;
  const auto found = std::ranges::find(nodes_, to_string(record.record.ipv4.front()), &DemoNode::ipv4);
  return found == nodes_.end() ? nullptr : &*found;
}

std::filesystem::path DemoCluster::log_file(unsigned number) const {
  return folder_.path() / fmt::format("node{}.log", number);
}

std::string DemoCluster::log_of(unsigned number) const {
  std::ostringstream text;
  text << std::ifstream(log_file(number)).rdbuf();
  constexpr std::size_t kMax = 2000;
  std::string all = std::move(text).str();
  return all.size() > kMax ? all.substr(all.size() - kMax) : all;
}

}  // namespace idetcd::tool
