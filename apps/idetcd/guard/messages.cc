#include "guard/messages.h"

#include <sys/socket.h>

#include <cerrno>

namespace idetcd::tool {
namespace {

struct Head {
  std::int32_t kind;
  std::int32_t value;
  std::uint64_t size;
};

bool send_all(int socket, const void* bytes, std::size_t size) noexcept {
  const auto* at = static_cast<const char*>(bytes);
  while (size > 0) {
    const ssize_t sent = ::send(socket, at, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    at += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

bool receive_all(int socket, void* bytes, std::size_t size) noexcept {
  auto* at = static_cast<char*>(bytes);
  while (size > 0) {
    const ssize_t got = ::recv(socket, at, size, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

}  // namespace

bool send_message(int socket, const GuardMessage& message) noexcept {
  const Head head{static_cast<std::int32_t>(message.kind), message.value, message.payload.size()};
  return send_all(socket, &head, sizeof head) && send_all(socket, message.payload.data(), message.payload.size());
}

std::optional<GuardMessage> receive_message(int socket) {
  Head head{};
  if (!receive_all(socket, &head, sizeof head)) return std::nullopt;
  GuardMessage message{static_cast<GuardMessage::Kind>(head.kind), head.value, std::string(head.size, '\0')};
  if (!receive_all(socket, message.payload.data(), message.payload.size())) return std::nullopt;
  return message;
}

std::string join_texts(const std::vector<std::string>& texts) {
  std::string joined;
  for (const std::string& text : texts) joined.append(text).push_back('\0');
  return joined;
}

std::vector<std::string> split_texts(const std::string& joined) {
  std::vector<std::string> texts;
  for (std::size_t at = 0; at < joined.size();) {
    const std::size_t end = joined.find('\0', at);
    texts.push_back(joined.substr(at, end - at));
    at = end + 1;
  }
  return texts;
}

}  // namespace idetcd::tool
