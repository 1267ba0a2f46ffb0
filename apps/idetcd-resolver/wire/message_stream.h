// MessageStream: DNS messages out of TCP's bytes (RFC 7766 8: two bytes of length,
// then the message), however the bytes are split. Pure: knows no socket.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace idetcd::resolver {

// A longer request is not DNS as we serve it; the connection that announces one is ended.
inline constexpr std::size_t kMaxTcpRequest = 4096;

class MessageStream {
 public:
  // The bytes that came next. Ends the spans that next() returned.
  void append(std::span<const std::byte> bytes);

  // The next whole message, without its length; valid until append(). Empty if none is complete.
  std::optional<std::span<const std::byte>> next();

  // Whether a message of more than kMaxTcpRequest bytes was announced. Nothing can be read after it.
  bool broken() const noexcept { return broken_; }

  // Bytes held: of messages that are not complete or not yet taken.
  std::size_t held() const noexcept { return bytes_.size() - taken_; }

 private:
  std::vector<std::byte> bytes_;
  std::size_t taken_ = 0;
  bool broken_ = false;
};

}  // namespace idetcd::resolver
