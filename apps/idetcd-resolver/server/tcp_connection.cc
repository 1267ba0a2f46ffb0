#include "server/tcp_connection.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "answer/forwarder.h"
#include "server/tcp_replies.h"

namespace idetcd::resolver {
namespace {

constexpr std::size_t kReadSize = 4096;

}  // namespace

TcpConnection::State TcpConnection::readable(const TcpService& service) {
  std::array<std::byte, kReadSize> bytes;
  const ssize_t size = recv(fd_.get(), bytes.data(), bytes.size(), 0);
  if (size < 0) return errno == EAGAIN || errno == EINTR ? State::kIdle : State::kDone;
  if (size == 0) peer_closed_ = true;  // it may still read what it asked for
  input_.append(std::span(bytes).first(static_cast<std::size_t>(size)));
  return advance(service);
}

TcpConnection::State TcpConnection::writable(const TcpService& service) {
  return advance(service);
}

TcpConnection::State TcpConnection::reply(const TcpService& service, std::span<const std::byte> bytes) {
  --forwarded_;
  put(bytes);
  return advance(service);
}

// Answers and sends by turns, as long as both go on: a reply that waits stops the
// reading, not the server.
TcpConnection::State TcpConnection::advance(const TcpService& service) {
  active_ = false;
  for (bool more = true; more;) {
    while ((more = has_room() && answer_next(service))) continue;
    if (!flush()) return State::kDone;
    if (unsent() != 0) break;
  }
  input_.release();
  if (unsent() == 0 && forwarded_ == 0 && peer_closed_) return State::kDone;
  return active_ ? State::kActive : State::kIdle;
}

bool TcpConnection::answer_next(const TcpService& service) {
  const auto request = input_.next();
  if (!request) return false;
  active_ = true;
  context_.now = service.now;
  ++context_.rotation;
  Exchange exchange{context_, *request, service.scratch, {}};
  service.answers.answer({&exchange, 1});
  const Reply& reply = exchange.reply;
  service.counters.count(reply);
  if (reply.forwarder != nullptr) hand_on(service, exchange);
  if (reply.size != 0) put(std::span<const std::byte>(service.scratch).first(reply.size));
  return true;
}

void TcpConnection::hand_on(const TcpService& service, const Exchange& exchange) {
  ++forwarded_;
  exchange.reply.forwarder->take(
      {{exchange.request.begin(), exchange.request.end()},
       exchange.context,
       [replies = service.replies, id = id_](std::span<const std::byte> bytes) { replies->put(id, bytes); }});
}

void TcpConnection::put(std::span<const std::byte> reply) {
  output_.push_back(static_cast<std::byte>(reply.size() >> 8));
  output_.push_back(static_cast<std::byte>(reply.size()));
  output_.insert(output_.end(), reply.begin(), reply.end());
}

// False if the connection is broken.
bool TcpConnection::flush() {
  while (unsent() != 0) {
    const ssize_t size = send(fd_.get(), output_.data() + sent_, unsent(), MSG_NOSIGNAL);
    if (size < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return false;
      break;
    }
    active_ = true;
    sent_ += static_cast<std::size_t>(size);
  }
  if (unsent() == 0) {
    std::vector<std::byte>().swap(output_);  // an idle connection holds no memory
  } else {
    output_.erase(output_.begin(), output_.begin() + static_cast<std::ptrdiff_t>(sent_));
  }
  sent_ = 0;
  return true;
}

}  // namespace idetcd::resolver
