// WebServers: what the daemon serves over HTTP, at one or more addresses.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/settings/settings.h"
#include "http.h"
#include "stats.h"

namespace idetcd::resolver {

// What they tell of the daemon. Called on the servers' threads; must not throw.
struct WebSources {
  std::function<Stats()> stats;
  std::optional<std::chrono::seconds> max_stale;
};

// Owns a thread for each address. The destructor waits for a reply that is being made.
class WebServers {
 public:
  // Those of the setting `metrics` and of the directives health, ready and prometheus. Throws
  // app::Exit if an address cannot be bound.
  WebServers(const app::Settings& settings, WebSources sources);

  // A line for each, for the log: "metrics on 127.0.0.1:9153".
  const std::vector<std::string>& lines() const noexcept { return lines_; }

 private:
  void start(const app::ListenAddress& address, std::string_view what, std::string_view remedy, HttpHandler handler);
  HttpReply reply_of_all(std::string_view path) const;
  HttpReply reply_of(const app::HttpEndpoint& endpoint, std::string_view path) const;

  const WebSources sources_;
  std::vector<std::string> lines_;
  std::vector<std::unique_ptr<HttpServer>> servers_;
};

}  // namespace idetcd::resolver
