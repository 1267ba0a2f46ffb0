#include "common/system/process_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace idetcd::app {
namespace {

// The parent of a process that has not ended; zombies need no signal.
std::optional<pid_t> living_parent(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/stat";
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  std::array<char, 512> text{};
  const ssize_t size = ::read(fd, text.data(), text.size() - 1);
  ::close(fd);
  if (size <= 0) return std::nullopt;
  // "pid (any name) state ppid ...": the name may hold blanks and parentheses.
  const char* after_name = std::strrchr(text.data(), ')');
  if (after_name == nullptr || after_name[1] == '\0') return std::nullopt;
  const char state = after_name[2];
  if (state == 'Z' || state == 'X') return std::nullopt;
  return static_cast<pid_t>(std::strtol(after_name + 3, nullptr, 10));
}

std::unordered_map<pid_t, pid_t> parents_of_all() {
  std::unordered_map<pid_t, pid_t> parents;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), &::closedir);
  if (!proc) return parents;
  while (const dirent* entry = ::readdir(proc.get())) {
    const std::string_view name(entry->d_name);
    pid_t pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ptr != name.data() + name.size()) continue;
    if (const auto parent = living_parent(pid)) parents.emplace(pid, *parent);
  }
  return parents;
}

bool descends(const std::unordered_map<pid_t, pid_t>& parents, pid_t pid, pid_t root) {
  for (std::size_t steps = 0; steps <= parents.size(); ++steps) {
    const auto found = parents.find(pid);
    if (found == parents.end()) return false;
    if (found->second == root) return true;
    pid = found->second;
  }
  return false;
}

enum class Sent { kYes, kForbidden, kGone };

// By a descriptor, and only if the number still means the process that was found.
Sent send(pid_t pid, pid_t parent, int number) {
  const int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) return Sent::kGone;
  Sent sent = Sent::kGone;
  if (const auto now = living_parent(pid); now && *now == parent) {
    if (::syscall(SYS_pidfd_send_signal, fd, number, nullptr, 0) == 0) {
      sent = Sent::kYes;
    } else if (errno == EPERM) {
      sent = Sent::kForbidden;
    }
  }
  ::close(fd);
  return sent;
}

}  // namespace

bool become_subreaper() noexcept {
  return ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0;
}

SignalledTree signal_descendants(pid_t root, int number) {
  SignalledTree tree;
  const auto parents = parents_of_all();
  for (const auto& [pid, parent] : parents) {
    if (!descends(parents, pid, root)) continue;
    const Sent sent = send(pid, parent, number);
    if (sent == Sent::kYes) ++tree.reached;
    if (sent == Sent::kForbidden) ++tree.forbidden;
  }
  return tree;
}

}  // namespace idetcd::app
