// TcpConnection: one peer's queries and replies, on a socket that never blocks.
#pragma once

#include <cstddef>
#include <vector>

#include "answer/answerer.h"
#include "common/system/file_descriptor.h"
#include "server/server_counters.h"
#include "wire/message_stream.h"

namespace idetcd::resolver {

// What answering needs from the server, lent for one call.
struct TcpService {
  Answerer::View& answers;
  ServerCounters& counters;
  std::uint32_t now = 0;
  std::vector<std::byte>& scratch;  // of kMaxTcpReply bytes, for the thread
};

// For one thread. Bounded: it reads no further while kMaxUnsent bytes of replies wait
// for a peer that does not read, and holds at most one unfinished request.
class TcpConnection {
 public:
  static constexpr std::size_t kMaxUnsent = 64 * 1024;

  enum class State {
    kIdle,    // nothing happened that counts as activity
    kActive,  // a request was complete, or the peer took bytes
    kDone,    // close it
  };

  TcpConnection(app::FileDescriptor fd, const Ipv6& peer, std::uint16_t port)
      : fd_(std::move(fd)), context_{peer, Transport::kTcp, 0, 0, port} {}

  int fd() const noexcept { return fd_.get(); }

  // Does what the socket is ready for, in bounded time.
  State readable(const TcpService& service);
  State writable(const TcpService& service);

  bool wants_read() const noexcept { return !peer_closed_ && unsent() < kMaxUnsent; }
  bool wants_write() const noexcept { return unsent() != 0; }

  // Bytes allocated for requests that are not complete and replies that are not sent.
  std::size_t allocated() const noexcept { return input_.allocated() + output_.capacity(); }

 private:
  std::size_t unsent() const noexcept { return output_.size() - sent_; }
  State advance(const TcpService& service);
  bool answer_next(const TcpService& service);
  bool flush();

  app::FileDescriptor fd_;
  RequestContext context_;
  MessageStream input_;
  std::vector<std::byte> output_;
  std::size_t sent_ = 0;
  bool peer_closed_ = false;
  bool active_ = false;  // since the present call began
};

}  // namespace idetcd::resolver
