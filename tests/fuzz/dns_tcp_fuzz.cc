// TCP framing: however a stream is cut, the same messages come out of it.
// Input: the sizes of the pieces (one byte each, ended by 0), then the stream.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "idetcd-resolver/wire/message_stream.h"

namespace {

using namespace idetcd::resolver;

using Bytes = std::vector<std::byte>;

// Straight from the definition: length, message, length, message ...
std::vector<Bytes> reference(std::span<const std::byte> stream) {
  std::vector<Bytes> messages;
  while (stream.size() >= 2) {
    const std::size_t size = std::to_integer<std::size_t>(stream[0]) << 8 | std::to_integer<std::size_t>(stream[1]);
    if (stream.size() - 2 < size) break;
    messages.emplace_back(stream.begin() + 2, stream.begin() + 2 + static_cast<std::ptrdiff_t>(size));
    stream = stream.subspan(2 + size);
  }
  return messages;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = std::as_bytes(std::span(data, size));
  const auto end = static_cast<std::size_t>(std::find(input.begin(), input.end(), std::byte{0}) - input.begin());
  const auto pieces = input.first(end);
  const auto stream = input.subspan(std::min(end + 1, input.size()));

  MessageStream framing;
  std::vector<Bytes> messages;
  std::size_t turn = 0;
  for (std::size_t at = 0; at < stream.size();) {
    const std::size_t wanted =
        pieces.empty() ? stream.size() : std::to_integer<std::size_t>(pieces[turn++ % pieces.size()]);
    const std::size_t piece = std::min(wanted, stream.size() - at);
    framing.append(stream.subspan(at, piece));
    at += piece;
    // Some messages are taken late, as by a connection whose output is full.
    if (turn % 3 == 1 && at < stream.size()) continue;
    while (const auto message = framing.next()) messages.emplace_back(message->begin(), message->end());
    if (framing.held() > 65535 + 2) std::abort();
    framing.release();
    if (framing.held() == 0 && framing.allocated() != 0) std::abort();
  }
  while (const auto message = framing.next()) messages.emplace_back(message->begin(), message->end());
  if (messages != reference(stream)) std::abort();
  return 0;
}
