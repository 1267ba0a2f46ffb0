#include "http.h"

#include <fmt/format.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>

#include "common/system/file_descriptor.h"
#include "http_connections.h"
#include "server/peer.h"

namespace idetcd::resolver {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kAcceptsAtOnce = 64;        // then the connections get their turn
constexpr unsigned kMaxOfLibrary = 1024;  // ours is lower; those that end are still the library's for a moment
constexpr std::size_t kConnectionMemory = 16 * 1024;  // the request's head has to fit

// Throws std::system_error.
app::FileDescriptor listen_on(const sockaddr_storage& storage, bool only_ipv6) {
  auto fd = app::checked(socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket");
  const int on = 1;
  const int v6_only = only_ipv6 ? 1 : 0;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (storage.ss_family == AF_INET6) setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
  const socklen_t size = storage.ss_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), size) != 0) app::throw_system_error("bind");
  if (listen(fd.get(), SOMAXCONN) != 0) app::throw_system_error("listen");
  return fd;
}

app::FileDescriptor listen_on(const app::ListenAddress& address) {
  if (address.ip) return listen_on(app::socket_address(address), true);
  try {
    return listen_on(app::socket_address(address), false);
  } catch (const std::system_error& error) {
    const bool no_ipv6 =
        error.code() == std::errc::address_family_not_supported || error.code() == std::errc::address_not_available;
    if (!no_ipv6) throw;
  }
  return listen_on(app::socket_address({Ipv4{}, address.port}), true);
}

std::uint16_t port_of(const app::FileDescriptor& listener) {
  sockaddr_in6 address{};  // the port lies at the same place for both families
  socklen_t size = sizeof address;
  getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin6_port);
}

}  // namespace

// libmicrohttpd reads requests and writes replies; accepting, deadlines and shedding are
// ours: its own timeout starts again with every byte, and at its limit it stops accepting.
class HttpServer::Impl {
 public:
  // Throws std::system_error.
  Impl(const app::ListenAddress& address, HttpHandler handler)
      : handler_(std::move(handler)),
        listener_(listen_on(address)),
        wake_(app::checked(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")),
        daemon_(MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, nullptr, nullptr, &Impl::on_request, this,
                                 MHD_OPTION_NOTIFY_CONNECTION, &Impl::on_connection, this, MHD_OPTION_CONNECTION_LIMIT,
                                 kMaxOfLibrary, MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionMemory,
                                 MHD_OPTION_END)) {
    if (!daemon_) app::throw_system_error("MHD_start_daemon");
    thread_ = std::thread([this] { run(); });
  }
  ~Impl() {
    stop_.store(true, std::memory_order_relaxed);
    eventfd_write(wake_.get(), 1);
    thread_.join();
  }

  std::uint16_t port() const noexcept { return port_of(listener_); }

 private:
  using Handle = HttpConnections::Handle;

  struct StopDaemon {
    void operator()(MHD_Daemon* daemon) const { MHD_stop_daemon(daemon); }
  };

  void run() {
    std::array<pollfd, 3> fds{{{wake_.get(), POLLIN, 0},
                               {listener_.get(), POLLIN, 0},
                               {MHD_get_daemon_info(daemon_.get(), MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, POLLIN, 0}}};
    while (!stop_.load(std::memory_order_relaxed)) {
      poll(fds.data(), fds.size(), wait_time());
      if (fds[1].revents != 0) accept_some();
      for (auto fd = connections_.end_overdue(Clock::now()); fd; fd = connections_.end_overdue(Clock::now())) end(*fd);
      MHD_run(daemon_.get());
    }
    daemon_.reset();  // closes every connection, without waiting for a peer
  }

  int wait_time() const {
    MHD_UNSIGNED_LONG_LONG library = 0;
    if (MHD_get_timeout(daemon_.get(), &library) == MHD_YES && library == 0) return 0;
    const auto deadline = connections_.next_deadline();
    if (!deadline) return -1;
    return static_cast<int>(std::max(std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now()).count(),
                                     std::chrono::milliseconds::rep{0}));
  }

  void accept_some() {
    for (int i = 0; i < kAcceptsAtOnce; ++i) {
      sockaddr_storage address{};
      socklen_t size = sizeof address;
      app::FileDescriptor fd(
          accept4(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!fd) {
        const bool out_of_files = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
        if (!out_of_files) return;
        if (const auto oldest = connections_.end_oldest())
          end(*oldest);
        else
          std::this_thread::sleep_for(std::chrono::milliseconds(10));
        return;
      }
      accepted_from_ = peer_address(address);
      if (const auto other = connections_.end_for(accepted_from_)) end(*other);
      MHD_add_connection(daemon_.get(), fd.release(), reinterpret_cast<const sockaddr*>(&address), size);
    }
  }

  // The library sees the end of the stream in its next run, and closes the descriptor.
  static void end(int fd) { shutdown(fd, SHUT_RDWR); }

  static void on_connection(void* self, MHD_Connection* connection, void** context,
                            MHD_ConnectionNotificationCode what) {
    Impl& server = *static_cast<Impl*>(self);
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
      const int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
      *context = new Handle(server.connections_.add(fd, server.accepted_from_, Clock::now()));
    } else if (const std::unique_ptr<Handle> handle{static_cast<Handle*>(*context)}) {
      server.connections_.remove(*handle);
      *context = nullptr;
    }
  }

  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* url, const char* method, const char*,
                               const char*, size_t* body_size, void**) {
    if (const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT))
      (*static_cast<Handle*>(info->socket_context))->requested = true;
    if (*body_size != 0) return MHD_NO;
    const bool readable =
        std::string_view(method) == MHD_HTTP_METHOD_GET || std::string_view(method) == MHD_HTTP_METHOD_HEAD;
    const HttpReply reply = readable ? static_cast<Impl*>(self)->handler_(url)
                                     : HttpReply{MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n"};
    MHD_Response* response =
        MHD_create_response_from_buffer(reply.body.size(), const_cast<char*>(reply.body.data()), MHD_RESPMEM_MUST_COPY);
    if (response == nullptr) return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");  // so that one deadline covers it
    const MHD_Result queued = MHD_queue_response(connection, reply.status, response);
    MHD_destroy_response(response);
    return queued;
  }

  const HttpHandler handler_;
  const app::FileDescriptor listener_;
  const app::FileDescriptor wake_;
  HttpConnections connections_{{}};  // the thread's only, as all below
  Ipv6 accepted_from_{};             // by the accept that is under way
  std::unique_ptr<MHD_Daemon, StopDaemon> daemon_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

Result<std::unique_ptr<HttpServer>> HttpServer::start(const app::ListenAddress& address, HttpHandler handler) {
  try {
    return std::unique_ptr<HttpServer>(new HttpServer(std::make_unique<Impl>(address, std::move(handler))));
  } catch (const std::system_error& error) {
    return Error{ErrorCode::kUnavailable,
                 fmt::format("{}: {}", app::to_string(address),
                             std::strerror(error.code().value() == 0 ? EIO : error.code().value()))};
  }
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

std::uint16_t HttpServer::port() const noexcept {
  return impl_->port();
}

}  // namespace idetcd::resolver
