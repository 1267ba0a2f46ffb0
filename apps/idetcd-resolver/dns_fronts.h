// DnsFronts: the DNS servers of the daemon, one for each address.
//
// Server blocks that listen at the same address share a server, which chooses among them by
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
  explicit DnsFronts(const std::vector<app::ServerSettings>& servers);

  std::size_t size() const noexcept { return fronts_.size(); }

  // Binds the sockets of every address; not those at which `before`, if there is one, listens. `workers`: for each
  // address; 0: one for each core. kUnavailable as open_listeners().
  Status open(unsigned workers, const DnsFronts* before);

  // Every address is left to the kernel to choose a port of; before open().
  void use_any_port();

  // Serves `blocks`, which are in the order of the server blocks. The servers of `before` that listen at an
  // address of ours serve on and are ours then; what is left there is for its stop(). After an
  // Error `before` is as it was.
  Status serve(const std::vector<AnswerBlock>& blocks, DnsFronts* before);

  // The server blocks of front `front`, and where it listens.
  const std::vector<std::size_t>& blocks(std::size_t front) const { return fronts_[front].blocks; }
  const std::string& address(std::size_t front) const { return fronts_[front].server->addresses().front(); }

  // Where the server block's DNS server listens first. Precondition: it is served.
  std::uint16_t port_of(std::size_t block) const;

  DnsServerTotals totals() const;
  void stop();

 private:
  struct Front {
    app::ListenAddress listen;
    std::vector<std::size_t> blocks{};
    std::vector<Listener> sockets{};  // until they are served
    std::unique_ptr<Answerer> answerer{};
    std::unique_ptr<DnsServer> server{};
  };

  const Front* twin_in(const DnsFronts* before, const Front& front) const;
  std::vector<AnswerBlock> own_blocks(const Front& front, const std::vector<AnswerBlock>& blocks) const;

  std::vector<Front> fronts_;
};

}  // namespace idetcd::resolver
