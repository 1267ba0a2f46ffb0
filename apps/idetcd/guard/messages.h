// What a Guard and its process tell each other over their socket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace idetcd::tool {

struct GuardMessage {
  enum class Kind : std::int32_t {
    // to the guard
    kRun,     // payload: the command
    kSignal,  // value: its number
    kEnd,
    // from the guard
    kRunning,
    kFailed,   // value: an ErrorCode; payload: the message
    kCommand,  // value: how the command ended
    kOutOfTime,
    kClear,  // value: how many processes could not be ended
  };
  Kind kind = Kind::kEnd;
  std::int32_t value = 0;
  std::string payload{};
};

// Both block; the peer writes a message as a whole. False and none: the peer is gone.
bool send_message(int socket, const GuardMessage& message) noexcept;
std::optional<GuardMessage> receive_message(int socket);

// A list of texts without zero bytes, as one text, and back.
std::string join_texts(const std::vector<std::string>& texts);
std::vector<std::string> split_texts(const std::string& joined);

}  // namespace idetcd::tool
