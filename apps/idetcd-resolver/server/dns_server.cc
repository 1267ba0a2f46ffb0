#include "server/dns_server.h"

#include <sys/resource.h>

#include <algorithm>
#include <mutex>
#include <system_error>
#include <utility>

#include "server/listeners.h"
#include "server/tcp_server.h"
#include "server/udp_server.h"

namespace idetcd::resolver {
namespace {

constexpr rlim_t kOtherFiles = 1024;  // sockets, HTTP connections, etcd's connection, logs

// The usual soft limit of 1024 files is less than the connections we would accept.
void raise_file_limit(std::size_t connections) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = std::min<rlim_t>(limit.rlim_max, connections + kOtherFiles);
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = wanted;
  setrlimit(RLIMIT_NOFILE, &limit);  // where it is refused, idle connections are shed earlier
}

}  // namespace

class DnsServer::Impl {
 public:
  Impl(const DnsServerOptions& options, std::vector<Listener> listeners, const Answerer& answerer)
      : listeners_(std::move(listeners)),
        udp_(listeners_, answerer),
        tcp_(listeners_, answerer,
             {std::max<std::size_t>(options.tcp_connections, 1), options.tcp_idle, options.tcp_memory}) {
    for (const Listener& listener : listeners_) addresses_.push_back(app::to_string(listener.address));
  }

  const std::vector<std::string>& addresses() const { return addresses_; }
  DnsServerTotals totals() const { return {udp_.totals(), tcp_.totals()}; }

  // The sockets are closed with the server: counters can be read after stop().
  void stop() {
    std::lock_guard lock(stopping_);
    udp_.stop();
    tcp_.stop();
    for (Listener& listener : listeners_) {
      listener.udp.clear();
      listener.tcp = {};
    }
  }

 private:
  std::vector<Listener> listeners_;
  std::vector<std::string> addresses_;
  UdpServer udp_;
  TcpServer tcp_;
  std::mutex stopping_;
};

DnsServer::DnsServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DnsServer::~DnsServer() {
  stop();
}

Result<std::unique_ptr<DnsServer>> DnsServer::start(const DnsServerOptions& options, const Answerer& answerer) {
  auto listeners = open_listeners(options.listen, options.workers);
  if (!listeners) return listeners.error();
  return serve(options, std::move(*listeners), answerer);
}

Result<std::unique_ptr<DnsServer>> DnsServer::serve(const DnsServerOptions& options, std::vector<Listener> listeners,
                                                    const Answerer& answerer) {
  raise_file_limit(options.tcp_connections);
  try {
    return std::unique_ptr<DnsServer>(new DnsServer(std::make_unique<Impl>(options, std::move(listeners), answerer)));
  } catch (const std::system_error& error) {
    return Error{
        ErrorCode::kUnavailable,
        std::string("cannot start the DNS server: ") + error.what() +
            "; raise the limits on open files and threads (ulimit -n, ulimit -u) or lower the number of workers"};
  }
}

const std::vector<std::string>& DnsServer::addresses() const noexcept {
  return impl_->addresses();
}

std::uint16_t DnsServer::port() const noexcept {
  if (impl_->addresses().empty()) return 0;
  const std::string& first = impl_->addresses().front();
  return static_cast<std::uint16_t>(std::stoul(first.substr(first.rfind(':') + 1)));
}

DnsServerTotals DnsServer::totals() const {
  return impl_->totals();
}
void DnsServer::stop() {
  impl_->stop();
}

}  // namespace idetcd::resolver
