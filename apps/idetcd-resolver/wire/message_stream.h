// MessageStream: DNS messages out of TCP's bytes (RFC 7766 8: two bytes of length,
// then the message), however the bytes are split. Pure: knows no socket.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace idetcd::resolver {

class MessageStream {
 public:
  // The bytes that came next. Ends the spans that next() returned.
  void append(std::span<const std::byte> bytes);

  // The next whole message, of up to 65,535 bytes, without its length; valid until append() or
  // release(). Empty if none is complete.
  std::optional<std::span<const std::byte>> next();

  // Frees the memory if nothing is held. Ends the spans that next() returned.
  void release();

  // Bytes held: of messages that are not complete or not yet taken.
  std::size_t held() const noexcept { return bytes_.size() - taken_; }
  // Bytes allocated: about twice of what is held at most, since what is announced but has
  // not arrived takes none.
  std::size_t allocated() const noexcept { return bytes_.capacity(); }

 private:
  std::vector<std::byte> bytes_;
  std::size_t taken_ = 0;
};

}  // namespace idetcd::resolver
