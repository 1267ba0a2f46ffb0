// HttpServer: a few short texts for operators and their tools.
#pragma once

#include <idetcd/result.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/values.h"

namespace idetcd::resolver {

struct HttpReply {
  unsigned status = 200;
  std::string body;
};

// The reply to GET `path`; called on the server's thread. Empty status 404 is the
// handler's to give.
using HttpHandler = std::function<HttpReply(std::string_view path)>;

// Owns one thread and its socket. GET and HEAD only; small requests only.
class HttpServer {
 public:
  // kUnavailable names the address that could not be bound. A host must be given.
  static Result<std::unique_ptr<HttpServer>> start(const app::HostPort& address, HttpHandler handler);
  ~HttpServer();

  std::uint16_t port() const noexcept;

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace idetcd::resolver
