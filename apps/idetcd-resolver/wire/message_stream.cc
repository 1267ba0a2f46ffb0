#include "wire/message_stream.h"

#include <iterator>

#include "wire/wire.h"

namespace idetcd::resolver {
namespace {

constexpr std::size_t kLengthSize = 2;

}  // namespace

void MessageStream::append(std::span<const std::byte> bytes) {
  bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(taken_));
  taken_ = 0;
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

std::optional<std::span<const std::byte>> MessageStream::next() {
  if (held() < kLengthSize) return std::nullopt;
  const std::size_t size = load16(bytes_.data() + taken_);
  if (held() < kLengthSize + size) return std::nullopt;
  const std::span message = std::span<const std::byte>(bytes_).subspan(taken_ + kLengthSize, size);
  taken_ += kLengthSize + size;
  return message;
}

void MessageStream::release() {
  if (held() != 0) return;
  std::vector<std::byte>().swap(bytes_);  // `= {}` would keep the memory
  taken_ = 0;
}

}  // namespace idetcd::resolver
