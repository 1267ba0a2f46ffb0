#include "common/system/port_owner.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>
#include <system_error>
#include <vector>

namespace idetcd::app {
namespace {

// "0100007F:0035", as /proc/net writes addresses: words of the machine's byte order.
std::string as_in_proc(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &address, sizeof in);
    return fmt::format("{:08X}:{:04X}", in.sin_addr.s_addr, ntohs(in.sin_port));
  }
  sockaddr_in6 in{};
  std::memcpy(&in, &address, sizeof in);
  std::array<std::uint32_t, 4> words{};
  std::memcpy(words.data(), &in.sin6_addr, sizeof in.sin6_addr);
  return fmt::format("{:08X}{:08X}{:08X}{:08X}:{:04X}", words[0], words[1], words[2], words[3], ntohs(in.sin6_port));
}

bool is_wildcard(std::string_view address) {
  return address.substr(0, address.find(':')).find_first_not_of('0') == std::string_view::npos;
}

bool overlap(std::string_view left, std::string_view right) {
  if (left.substr(left.find(':')) != right.substr(right.find(':'))) return false;
  const bool same_family = left.size() == right.size();
  return same_family && (left == right || is_wildcard(left) || is_wildcard(right));
}

struct Socket {
  std::string inode;
  uid_t uid = 0;
};

std::optional<Socket> find_socket(const std::string& table, std::string_view wanted, bool listening) {
  std::ifstream file(table);
  std::string line;
  std::getline(file, line);  // the heading
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::string slot, local, remote, state, queues, timer, retransmits, uid, timeout, inode;
    if (!(fields >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> uid >> timeout >> inode))
      continue;
    constexpr std::string_view kListen = "0A";
    if (listening && state != kListen) continue;
    if (local.find(':') != std::string::npos && overlap(local, wanted))
      return Socket{inode, static_cast<uid_t>(std::strtoul(uid.c_str(), nullptr, 10))};
  }
  return std::nullopt;
}

// Another process before this one, which may have inherited the socket.
std::string process_with(const Socket& socket) {
  const std::string link = fmt::format("socket:[{}]", socket.inode);
  const std::string own_pid = std::to_string(::getpid());
  std::string found;
  std::error_code ignored;
  for (const auto& process : std::filesystem::directory_iterator("/proc", ignored)) {
    const std::string pid = process.path().filename().string();
    if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
    for (auto fd = std::filesystem::directory_iterator(process.path() / "fd", ignored);
         !ignored && fd != std::filesystem::directory_iterator(); fd.increment(ignored)) {
      if (std::filesystem::read_symlink(fd->path(), ignored) != link) continue;
      std::string name;
      std::ifstream comm(process.path() / "comm");
      std::getline(comm, name);
      found = fmt::format("{} (process {})", name, pid);
      if (pid != own_pid) return found;
      break;
    }
  }
  return found;
}

std::string user_name(uid_t uid) {
  std::vector<char> buffer(16384);
  passwd entry{};
  passwd* found = nullptr;
  if (getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return std::to_string(uid);
  return entry.pw_name;
}

}  // namespace

std::string port_owner(const sockaddr_storage& address, int type) {
  const bool tcp = type == SOCK_STREAM;
  const std::string table = fmt::format("/proc/net/{}{}", tcp ? "tcp" : "udp", address.ss_family == AF_INET ? "" : "6");
  const auto socket = find_socket(table, as_in_proc(address), tcp);
  if (!socket) return {};
  const std::string process = process_with(*socket);
  return process.empty() ? fmt::format("a process of user {}", user_name(socket->uid)) : process;
}

}  // namespace idetcd::app
