#include "web_servers.h"

#include <fmt/format.h>

#include <utility>

#include "common/system/exit_status.h"

namespace idetcd::resolver {
namespace {

std::string name_of(const app::HttpEndpoint& endpoint) {
  std::string name;
  const auto add = [&](bool has, std::string_view part) {
    if (has) name += fmt::format("{}{}", name.empty() ? "" : ", ", part);
  };
  add(endpoint.metrics, "metrics");
  add(endpoint.health, "health");
  add(endpoint.ready, "ready");
  return name;
}

}  // namespace

WebServers::WebServers(const app::Settings& settings, WebSources sources) : sources_(std::move(sources)) {
  if (settings.metrics) {
    start(*settings.metrics, "metrics", "choose another address with --metrics",
          [this](std::string_view path) { return reply_of_all(path); });
  }
  for (const app::HttpEndpoint& endpoint : settings.http) {
    start(endpoint.address, name_of(endpoint), fmt::format("choose another address at {}", endpoint.place),
          [this, endpoint](std::string_view path) { return reply_of(endpoint, path); });
  }
}

void WebServers::start(const app::ListenAddress& address, std::string_view what, std::string_view remedy,
                       HttpHandler handler) {
  auto server = HttpServer::start(address, std::move(handler));
  if (!server) throw app::Exit(app::kExitOs, fmt::format("{} on {}; {}", what, server.error().message, remedy));
  lines_.push_back(fmt::format("{} on {}", what, app::to_string(app::ListenAddress{address.ip, (*server)->port()})));
  servers_.push_back(std::move(*server));
}

HttpReply WebServers::reply_of_all(std::string_view path) const {
  if (path == "/metrics") return {200, to_prometheus(sources_.stats())};
  if (path == "/health") return {200, "OK\n"};
  if (path == "/ready") {
    Readiness readiness = readiness_of(sources_.stats().pools, sources_.max_stale);
    return {readiness.ready ? 200U : 503U, std::move(readiness.text)};
  }
  return {404, "not found; this server has /metrics, /ready and /health\n"};
}

// Paths and bodies are those of CoreDNS: if it is not ready, the names of the plugins that are not.
HttpReply WebServers::reply_of(const app::HttpEndpoint& endpoint, std::string_view path) const {
  if (endpoint.metrics && path == "/metrics") return {200, to_prometheus(sources_.stats())};
  if (endpoint.health && path == "/health") return {200, "OK"};
  if (endpoint.ready && path == "/ready") {
    const bool ready = readiness_of(sources_.stats().pools, sources_.max_stale).ready;
    return ready ? HttpReply{200, "OK"} : HttpReply{503, "idetcd"};
  }
  return {404, "404 page not found\n"};
}

}  // namespace idetcd::resolver
