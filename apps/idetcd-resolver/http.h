// HttpServer: metrics and health checks, over plain HTTP.
#pragma once

#include <idetcd/result.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/values/listen_address.h"

namespace idetcd::resolver {

struct HttpReply {
  unsigned status = 200;
  std::string body;
};

// The reply to GET (or HEAD) `path`, for every path: the handler also makes the 404.
// Called on the server's thread, one call at a time, while the server lives. Must not throw.
using HttpHandler = std::function<HttpReply(std::string_view path)>;

// Owns one thread and its sockets. GET and HEAD only, one request for each connection; its
// head must have arrived 2 s after the connection was made, and all of it be over after 10 s.
// At 512 connections, or 128 of one address, the oldest that has sent no request makes room.
// The destructor waits for a handler that is running, and for no peer.
class HttpServer {
 public:
  // Binds `address` and serves until destroyed. kUnavailable: "ADDRESS: REASON"; it could
  // not be bound.
  static Result<std::unique_ptr<HttpServer>> start(const app::ListenAddress& address, HttpHandler handler);
  ~HttpServer();

  // The port that is bound: the kernel's choice if `address` had port 0.
  std::uint16_t port() const noexcept;

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace idetcd::resolver
