#include "http.h"

#include <fmt/format.h>
#include <microhttpd.h>

#include <cerrno>
#include <cstring>

namespace idetcd::resolver {
namespace {

constexpr unsigned kMaxConnections = 32;
constexpr unsigned kIdleSeconds = 10;

}  // namespace

class HttpServer::Impl {
 public:
  explicit Impl(HttpHandler handler) : handler_(std::move(handler)) {}
  ~Impl() {
    if (daemon_ != nullptr) MHD_stop_daemon(daemon_);
  }

  bool start(const app::ListenAddress& address) {
    const sockaddr_storage storage = app::socket_address(address);
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL;
    if (storage.ss_family == AF_INET6) flags |= MHD_USE_IPv6;
    if (!address.ip) flags |= MHD_USE_DUAL_STACK;
    daemon_ = MHD_start_daemon(flags, address.port, nullptr, nullptr, &Impl::on_request, this, MHD_OPTION_SOCK_ADDR,
                               reinterpret_cast<const sockaddr*>(&storage), MHD_OPTION_CONNECTION_LIMIT,
                               kMaxConnections, MHD_OPTION_CONNECTION_TIMEOUT, kIdleSeconds, MHD_OPTION_END);
    return daemon_ != nullptr;
  }

  std::uint16_t port() const noexcept { return MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_BIND_PORT)->port; }

 private:
  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* url, const char* method, const char*,
                               const char*, size_t* body_size, void**) {
    if (*body_size != 0) return MHD_NO;
    const bool readable =
        std::string_view(method) == MHD_HTTP_METHOD_GET || std::string_view(method) == MHD_HTTP_METHOD_HEAD;
    const HttpReply reply = readable ? static_cast<Impl*>(self)->handler_(url)
                                     : HttpReply{MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n"};
    MHD_Response* response =
        MHD_create_response_from_buffer(reply.body.size(), const_cast<char*>(reply.body.data()), MHD_RESPMEM_MUST_COPY);
    if (response == nullptr) return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
    const MHD_Result queued = MHD_queue_response(connection, reply.status, response);
    MHD_destroy_response(response);
    return queued;
  }

  const HttpHandler handler_;
  MHD_Daemon* daemon_ = nullptr;
};

Result<std::unique_ptr<HttpServer>> HttpServer::start(const app::ListenAddress& address, HttpHandler handler) {
  auto impl = std::make_unique<Impl>(std::move(handler));
  errno = 0;
  if (!impl->start(address)) {
    return Error{ErrorCode::kUnavailable,
                 fmt::format("metrics on {}: {}; choose another address with --metrics", app::to_string(address),
                             std::strerror(errno == 0 ? EIO : errno))};
  }
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

std::uint16_t HttpServer::port() const noexcept {
  return impl_->port();
}

}  // namespace idetcd::resolver
