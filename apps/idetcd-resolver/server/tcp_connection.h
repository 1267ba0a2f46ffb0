// TcpConnection: one peer's queries and replies, on a socket that never blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "answer/answerer.h"
#include "common/system/file_descriptor.h"
#include "server/server_counters.h"
#include "wire/message_stream.h"

namespace idetcd::resolver {

class TcpReplies;

// What answering needs from the server, lent for one call.
struct TcpService {
  Answerer::View& answers;
  ServerCounters& counters;
  std::uint32_t now = 0;
  const std::shared_ptr<TcpReplies>& replies;  // that come later
  std::vector<std::byte>& scratch;             // of kMaxTcpReply bytes, for the thread
};

// For one thread. Bounded: it reads no further while kMaxUnsent bytes of replies wait
// for a peer that does not read, or while
// kMaxForwarded of its requests are answered elsewhere, and holds at most one unfinished request.
class TcpConnection {
 public:
  static constexpr std::size_t kMaxUnsent = 64 * 1024;
  static constexpr std::size_t kMaxForwarded = 64;

  enum class State {
    kIdle,    // nothing happened that counts as activity
    kActive,  // a request was complete, or the peer took bytes
    kDone,    // close it
  };

  // `id`: differs from that of every other connection.
  TcpConnection(app::FileDescriptor fd, std::uint64_t id, const Ipv6& peer, std::uint16_t port)
      : fd_(std::move(fd)), id_(id), context_{peer, Transport::kTcp, 0, 0, port} {}

  std::uint64_t id() const noexcept { return id_; }
  int fd() const noexcept { return fd_.get(); }

  // Does what the socket is ready for, in bounded time.
  State readable(const TcpService& service);
  State writable(const TcpService& service);
  // The reply to a request that was handed on; in whichever order (RFC 7766 6.2.1.1).
  State reply(const TcpService& service, std::span<const std::byte> bytes);

  bool wants_read() const noexcept { return !peer_closed_ && has_room(); }
  bool wants_write() const noexcept { return unsent() != 0; }

  // Bytes allocated for requests that are not complete and replies that are not sent.
  std::size_t allocated() const noexcept { return input_.allocated() + output_.capacity(); }

 private:
  std::size_t unsent() const noexcept { return output_.size() - sent_; }
  bool has_room() const noexcept { return unsent() < kMaxUnsent && forwarded_ < kMaxForwarded; }
  State advance(const TcpService& service);
  bool answer_next(const TcpService& service);
  void hand_on(const TcpService& service, const Exchange& exchange);
  void put(std::span<const std::byte> reply);
  bool flush();

  app::FileDescriptor fd_;
  const std::uint64_t id_;
  RequestContext context_;
  std::size_t forwarded_ = 0;  // requests that were handed on, and have no reply yet
  MessageStream input_;
  std::vector<std::byte> output_;
  std::size_t sent_ = 0;
  bool peer_closed_ = false;
  bool active_ = false;  // since the present call began
};

}  // namespace idetcd::resolver
