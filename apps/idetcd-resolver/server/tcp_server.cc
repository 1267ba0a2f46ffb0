#include "server/tcp_server.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <list>
#include <thread>
#include <unordered_map>

#include "server/peer.h"
#include "server/tcp_connection.h"
#include "server/tcp_replies.h"

namespace idetcd::resolver {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kEvents = 64;
constexpr int kAcceptsAtOnce = 64;                  // then the connections get their turn
constexpr std::size_t kSmallBuffer = 8 * 1024;      // what any connection may hold
constexpr std::chrono::milliseconds kMaxWait{250};  // so that an idle thread releases old zones

}  // namespace

class TcpServer::Loop {
 public:
  Loop(const std::vector<Listener>& listeners, const Answerer& answerer, TcpLimits limits)
      : answers_(answerer, 1),
        limits_(limits),
        epoll_(app::checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
        scratch_(kMaxTcpReply) {
    sources_.push_back({replies_->fd(), {}});
    for (const Listener& listener : listeners) sources_.push_back({listener.tcp.get(), {}});
    for (Source& source : sources_) {
      if (!watch(EPOLL_CTL_ADD, source.fd, EPOLLIN, &source)) app::throw_system_error("epoll_ctl");
    }
    thread_ = std::thread([this] { run(); });
  }

  void stop() {
    if (!thread_.joinable()) return;
    stop_.store(true, std::memory_order_relaxed);
    replies_->wake();
    thread_.join();
  }

  TcpTotals totals() const {
    return {counters_.totals(), accepted_.get(), accepted_.get() - closed_.get(), shed_.get(), timed_out_.get()};
  }

 private:
  // What epoll knows: a listening socket (or the wake-up), or a connection.
  struct Source {
    int fd = -1;
    std::unique_ptr<TcpConnection> connection{};
    Clock::time_point active{};
    std::size_t allocated = 0;
    std::uint32_t interest = 0;
    std::list<Source>::iterator self{};
  };
  using Sources = std::list<Source>;

  void run() {
    std::array<epoll_event, kEvents> events;
    while (!stop_.load(std::memory_order_relaxed)) {
      const int count = epoll_wait(epoll_.get(), events.data(), kEvents, wait_time());
      answers_.refresh();
      const TcpService service{answers_, counters_, coarse_now(), replies_, scratch_};
      now_ = Clock::now();
      for (int i = 0; i < count; ++i) handle(events[static_cast<std::size_t>(i)], service);
      gone_.clear();
      expire();
    }
    connections_.clear();
  }

  int wait_time() const {
    if (connections_.empty()) return static_cast<int>(kMaxWait.count());
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(connections_.front().active + limits_.idle - Clock::now());
    return static_cast<int>(std::clamp(left, std::chrono::milliseconds{0}, kMaxWait).count());
  }

  void handle(const epoll_event& event, const TcpService& service) {
    auto& source = *static_cast<Source*>(event.data.ptr);
    if (source.fd == -1) return;  // closed earlier in this round
    if (source.fd == replies_->fd()) return pass_on(service);
    if (!source.connection) return accept_from(source.fd);
    TcpConnection& connection = *source.connection;
    auto state = TcpConnection::State::kDone;
    if ((event.events & EPOLLOUT) != 0)
      state = connection.writable(service);
    else if ((event.events & EPOLLIN) != 0)
      state = connection.readable(service);
    settle(source, state);
  }

  void settle(Source& source, TcpConnection::State state) {
    if (state == TcpConnection::State::kDone) return remove(source);
    if (state == TcpConnection::State::kActive) touch(source);
    update_interest(source);
    account(source, source.connection->allocated());
    while (allocated_ > limits_.memory && shed_large()) continue;
  }

  // A connection may be gone before its reply is there.
  void pass_on(const TcpService& service) {
    for (const TcpReplies::Item& item : replies_->take()) {
      const auto found = by_id_.find(item.connection);
      if (found != by_id_.end()) settle(*found->second, found->second->connection->reply(service, item.bytes));
    }
  }

  void account(Source& source, std::size_t allocated) {
    allocated_ += allocated - source.allocated;
    source.allocated = allocated;
  }

  void accept_from(int listener) {
    for (int i = 0; i < kAcceptsAtOnce; ++i) {
      sockaddr_storage address{};
      socklen_t size = sizeof address;
      app::FileDescriptor fd(
          accept4(listener, reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!fd) {
        const bool out_of_files = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
        if (out_of_files && !shed_oldest()) std::this_thread::sleep_for(std::chrono::milliseconds(10));
        return;
      }
      while (connections_.size() >= limits_.connections && shed_oldest()) continue;
      accepted_.add(1);
      Source& source = connections_.emplace_back();
      source.self = std::prev(connections_.end());
      source.fd = fd.get();
      source.active = now_;
      source.connection =
          std::make_unique<TcpConnection>(std::move(fd), ++last_id_, peer_address(address), peer_port(address));
      by_id_.emplace(last_id_, &source);
      source.interest = EPOLLIN;
      if (!watch(EPOLL_CTL_ADD, source.fd, EPOLLIN, &source)) remove(source);
    }
  }

  void update_interest(Source& source) {
    const std::uint32_t interest = (source.connection->wants_read() ? std::uint32_t{EPOLLIN} : 0U) |
                                   (source.connection->wants_write() ? std::uint32_t{EPOLLOUT} : 0U);
    if (interest == source.interest) return;
    source.interest = interest;
    watch(EPOLL_CTL_MOD, source.fd, interest, &source);
  }

  // Fails only where the kernel is out of memory or of watches (epoll(7)).
  bool watch(int operation, int fd, std::uint32_t interest, Source* source) {
    epoll_event event{};
    event.events = interest;
    event.data.ptr = source;
    return epoll_ctl(epoll_.get(), operation, fd, &event) == 0;
  }

  // The list is ordered by activity, the idlest first.
  void touch(Source& source) {
    source.active = now_;
    connections_.splice(connections_.end(), connections_, source.self);
  }

  // The source itself stays until the round's end: later events may point to it.
  void remove(Source& source) {
    closed_.add(1);
    source.fd = -1;
    by_id_.erase(source.connection->id());
    source.connection.reset();
    account(source, 0);
    gone_.splice(gone_.end(), connections_, source.self);
  }

  bool shed_oldest() {
    if (connections_.empty()) return false;
    shed_.add(1);
    remove(connections_.front());
    return true;
  }

  bool shed_large() {
    const auto large =
        std::ranges::find_if(connections_, [](const Source& source) { return source.allocated > kSmallBuffer; });
    if (large == connections_.end()) return false;
    shed_.add(1);
    remove(*large);
    return true;
  }

  void expire() {
    while (!connections_.empty() && now_ - connections_.front().active >= limits_.idle) {
      timed_out_.add(1);
      remove(connections_.front());
    }
    gone_.clear();
  }

  const std::shared_ptr<TcpReplies> replies_ = std::make_shared<TcpReplies>();  // it outlives what was handed on
  Answerer::View answers_;                                                      // the loop's thread only
  const TcpLimits limits_;
  const app::FileDescriptor epoll_;
  Sources sources_;      // listening; constant after construction
  Sources connections_;  // the loop's thread only, as all below
  Sources gone_;
  std::unordered_map<std::uint64_t, Source*> by_id_;  // of connections_
  std::uint64_t last_id_ = 0;
  std::size_t allocated_ = 0;  // by connections_
  std::vector<std::byte> scratch_;
  Clock::time_point now_{};
  std::atomic<bool> stop_{false};
  ServerCounters counters_;
  Counter accepted_, closed_, shed_, timed_out_;
  std::thread thread_;
};

TcpServer::TcpServer(const std::vector<Listener>& listeners, const Answerer& answerer, TcpLimits limits)
    : loop_(std::make_unique<Loop>(listeners, answerer, limits)) {}

TcpServer::~TcpServer() {
  stop();
}

TcpTotals TcpServer::totals() const {
  return loop_->totals();
}

void TcpServer::stop() {
  loop_->stop();
}

}  // namespace idetcd::resolver
