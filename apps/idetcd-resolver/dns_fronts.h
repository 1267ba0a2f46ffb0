// DnsFronts: the DNS servers of the daemon, one for each set of addresses.
//
// Server blocks that listen at the same addresses share a server, which chooses among them by
// the zone of the question.
#pragma once

#include <idetcd/result.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "answer/answerer.h"
#include "common/settings/server_settings.h"
#include "server/dns_server.h"

namespace idetcd::resolver {

// For one thread, but for totals().
class DnsFronts {
 public:
  // Groups the server blocks by their addresses.
  explicit DnsFronts(const std::vector<app::ServerSettings>& servers);

  std::size_t size() const noexcept { return fronts_.size(); }

  // Binds every socket. `workers`: for each address; 0: one for each core. kUnavailable as open_listeners().
  Status open(unsigned workers);

  // Every address is left to the kernel to choose a port of; before open().
  void use_any_port();

  // Serves over the open sockets. `blocks`: in the order of the server blocks.
  Status serve(const std::vector<AnswerBlock>& blocks);

  // The server blocks of front `front`, and where it listens.
  const std::vector<std::size_t>& blocks(std::size_t front) const { return fronts_[front].blocks; }
  const std::vector<std::string>& addresses(std::size_t front) const { return fronts_[front].server->addresses(); }

  // Where the server block's DNS server listens first. Precondition: it is served.
  std::uint16_t port_of(std::size_t block) const;

  DnsServerTotals totals() const;
  void stop();

 private:
  struct Front {
    std::vector<app::ListenAddress> listen;
    std::vector<std::size_t> blocks;
    std::vector<Listener> sockets{};  // until they are served
    std::unique_ptr<Answerer> answerer{};
    std::unique_ptr<DnsServer> server{};
  };

  std::vector<Front> fronts_;
};

}  // namespace idetcd::resolver
