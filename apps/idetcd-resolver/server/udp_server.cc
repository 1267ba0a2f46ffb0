#include "server/udp_server.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "answer/forwarder.h"
#include "server/peer.h"

namespace idetcd::resolver {
namespace {

constexpr std::size_t kBatch = 64;         // see tests/bench/dns/README.md
constexpr std::size_t kPacketSize = 1344;  // a longer request is cut, and then FORMERR; whole cache lines
constexpr timeval kWake{0, 250'000};       // so that an idle thread releases old zones and sees stop()

static_assert(kPacketSize >= kMaxUdpReply);

// Where a request came to, which is where its reply must come from; the kernel's
// control message goes back as it came.
union Control {
  std::array<char, CMSG_SPACE(sizeof(in_pktinfo))> ipv4;
  std::array<char, CMSG_SPACE(sizeof(in6_pktinfo))> ipv6;
  cmsghdr align;
};

// The interface may be left to the route, but for link-local addresses, which have none.
void release_interface(msghdr& message) noexcept {
  cmsghdr* const control = CMSG_FIRSTHDR(&message);
  if (control == nullptr) return;
  if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
    in_pktinfo info{};
    std::memcpy(&info, CMSG_DATA(control), sizeof info);
    info.ipi_ifindex = 0;
    std::memcpy(CMSG_DATA(control), &info, sizeof info);
  } else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
    in6_pktinfo info{};
    std::memcpy(&info, CMSG_DATA(control), sizeof info);
    if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr) == 0) info.ipi6_ifindex = 0;
    std::memcpy(CMSG_DATA(control), &info, sizeof info);
  }
}

// Where a reply that comes later goes, maybe when the server is gone.
class ReplyAddress {
 public:
  ReplyAddress(std::shared_ptr<const app::FileDescriptor> socket, const msghdr& request)
      : socket_(std::move(socket)), peer_size_(request.msg_namelen) {
    std::memcpy(&peer_, request.msg_name, request.msg_namelen);
    if (request.msg_control == nullptr) return;
    control_size_ = request.msg_controllen;
    std::memcpy(control_.data(), request.msg_control, control_size_);
  }

  // Lost where the socket has no room, as any packet may be.
  void send(std::span<const std::byte> reply) {
    iovec part{const_cast<std::byte*>(reply.data()), reply.size()};  // sendmsg() does not write to it
    msghdr message{};
    message.msg_name = &peer_;
    message.msg_namelen = peer_size_;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (control_size_ != 0) {
      message.msg_control = control_.data();
      message.msg_controllen = control_size_;
      release_interface(message);
    }
    sendmsg(socket_->get(), &message, MSG_DONTWAIT);
  }

 private:
  std::shared_ptr<const app::FileDescriptor> socket_;
  sockaddr_storage peer_{};
  socklen_t peer_size_;
  alignas(Control) std::array<char, sizeof(Control)> control_{};
  std::size_t control_size_ = 0;
};

// The buffers of one thread, made once.
struct Batch {
  struct alignas(64) Packet {
    std::array<std::byte, kPacketSize> bytes;
  };

  std::array<Packet, kBatch> packets;
  std::array<sockaddr_storage, kBatch> peers;
  std::array<Control, kBatch> controls;
  std::array<iovec, kBatch> inputs;
  std::array<mmsghdr, kBatch> received;
  std::array<Exchange, kBatch> exchanges;
  std::array<iovec, kBatch> outputs;
  std::array<mmsghdr, kBatch> replies;
};

}  // namespace

class UdpServer::Worker {
 public:
  Worker(int fd, bool wildcard, const Answerer& answerer)
      : fd_(fd), wildcard_(wildcard), answers_(answerer, kBatch), batch_(std::make_unique<Batch>()) {
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &kWake, sizeof kWake);
    for (std::size_t i = 0; i < kBatch; ++i) arm(i);
    thread_ = std::thread([this] { run(); });
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() {
    request_stop();
    join();
  }

  // On an unconnected socket this fails, and yet ends a waiting receive.
  void request_stop() {
    stop_.store(true, std::memory_order_relaxed);
    shutdown(fd_, SHUT_RD);
  }

  void join() {
    if (thread_.joinable()) thread_.join();
  }

  CounterTotals totals() const { return counters_.totals(); }

 private:
  void run() {
    while (!stop_.load(std::memory_order_relaxed)) {
      const int count = recvmmsg(fd_, batch_->received.data(), kBatch, MSG_WAITFORONE, nullptr);
      answers_.refresh();
      if (count > 0) {
        send(answer_all(static_cast<std::size_t>(count)));
      } else if (errno != EAGAIN && errno != EINTR) {
        pause();
      }
    }
  }

  // An error that does not go away must not take the whole core.
  static void pause() { std::this_thread::sleep_for(std::chrono::milliseconds(10)); }

  void arm(std::size_t i) {
    Batch& batch = *batch_;
    batch.inputs[i] = {batch.packets[i].bytes.data(), kPacketSize};
    msghdr& message = batch.received[i].msg_hdr;
    message = {};
    message.msg_name = &batch.peers[i];
    message.msg_namelen = sizeof batch.peers[i];
    message.msg_iov = &batch.inputs[i];
    message.msg_iovlen = 1;
    if (!wildcard_) return;
    message.msg_control = &batch.controls[i];
    message.msg_controllen = sizeof batch.controls[i];
  }

  std::span<const std::byte> request_at(std::size_t i) const {
    return std::span<const std::byte>(batch_->packets[i].bytes).first(batch_->received[i].msg_len);
  }

  // Answers the first `count` packets where they lie; returns how many replies there are.
  std::size_t answer_all(std::size_t count) {
    Batch& batch = *batch_;
    const std::uint32_t now = coarse_now();
    for (std::size_t i = 0; i < count; ++i) {
      const RequestContext context{peer_address(batch.peers[i]), Transport::kUdp, now, ++rotation_,
                                   peer_port(batch.peers[i])};
      batch.exchanges[i] = {context, request_at(i), batch.packets[i].bytes, {}};
    }
    answers_.answer(std::span(batch.exchanges).first(count));
    std::size_t replies = 0;
    for (std::size_t i = 0; i < count; ++i) {
      msghdr& request = batch.received[i].msg_hdr;
      const Reply& reply = batch.exchanges[i].reply;
      counters_.count(reply);
      if (reply.forwarder != nullptr) hand_on(i);
      if (reply.size != 0) {
        if (wildcard_) release_interface(request);
        batch.outputs[replies] = {batch.packets[i].bytes.data(), reply.size};
        batch.replies[replies].msg_hdr = request;
        batch.replies[replies].msg_hdr.msg_iov = &batch.outputs[replies];
        batch.replies[replies].msg_hdr.msg_flags = 0;
        ++replies;
      }
      arm(i);
    }
    return replies;
  }

  void hand_on(std::size_t i) {
    if (!for_replies_) for_replies_ = std::make_shared<const app::FileDescriptor>(fcntl(fd_, F_DUPFD_CLOEXEC, 0));
    const Exchange& exchange = batch_->exchanges[i];
    exchange.reply.forwarder->take({{exchange.request.begin(), exchange.request.end()},
                                    exchange.context,
                                    [to = ReplyAddress(for_replies_, batch_->received[i].msg_hdr)](
                                        std::span<const std::byte> bytes) mutable { to.send(bytes); }});
  }

  void send(std::size_t count) {
    for (std::size_t sent = 0; sent < count;) {
      const int result = sendmmsg(fd_, batch_->replies.data() + sent, static_cast<unsigned>(count - sent), 0);
      if (result > 0) {
        sent += static_cast<std::size_t>(result);
      } else if (errno != EINTR) {
        counters_.dropped.add(1);  // this one cannot be sent; the next may
        ++sent;
      }
    }
  }

  const int fd_;
  std::shared_ptr<const app::FileDescriptor> for_replies_;  // the same socket, for the requests that are handed on
  const bool wildcard_;
  Answerer::View answers_;  // the worker's thread only, as the batch
  const std::unique_ptr<Batch> batch_;
  std::uint32_t rotation_ = 0;
  std::atomic<bool> stop_{false};
  ServerCounters counters_;
  std::thread thread_;
};

UdpServer::UdpServer(const std::vector<Listener>& listeners, const Answerer& answerer) {
  for (const Listener& listener : listeners)
    for (const app::FileDescriptor& fd : listener.udp)
      workers_.push_back(std::make_unique<Worker>(fd.get(), listener.wildcard, answerer));
}

UdpServer::~UdpServer() {
  stop();
}

CounterTotals UdpServer::totals() const {
  CounterTotals sum;
  for (const auto& worker : workers_) sum += worker->totals();
  return sum;
}

void UdpServer::stop() {
  for (const auto& worker : workers_) worker->request_stop();
  for (const auto& worker : workers_) worker->join();
}

}  // namespace idetcd::resolver
