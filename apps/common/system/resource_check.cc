#include "common/system/resource_check.h"

#include <fmt/format.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstddef>
#include <cstring>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "common/system/exit_status.h"

namespace idetcd::app {
namespace {

constexpr std::size_t kRoom = std::size_t{64} << 20;  // for what is allocated once the threads are there

// Of gRPC 1.51: two pools whose sizes follow the processors, and seven that do one thing each.
unsigned grpc_threads() {
  const unsigned processors = std::max(std::thread::hardware_concurrency(), 1U);
  return std::clamp(processors, 2U, 32U) + 1 + std::clamp(processors / 2, 2U, 16U) + 7;
}

// With a bound on the address space: malloc's arenas reserve 64 MiB for each thread, when it first
// allocates, and would leave no room for the stack of a thread that comes later.
void bound_arenas() {
  rlimit space{};
  if (::getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY) ::mallopt(M_ARENA_MAX, 1);
}

// Threads that wait for their end.
class IdleThreads {
 public:
  explicit IdleThreads(unsigned count) { threads_.reserve(count); }
  IdleThreads(const IdleThreads&) = delete;
  IdleThreads& operator=(const IdleThreads&) = delete;
  ~IdleThreads() {
    {
      std::lock_guard lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  void add() {
    threads_.emplace_back([this] {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return ended_; });
    });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;  // guarded by mutex_
  std::vector<std::thread> threads_;
};

// What the system refused; none: nothing.
std::optional<std::string> find_shortage(unsigned count) {
  IdleThreads threads(count);
  for (unsigned started = 0; started < count; ++started) {
    try {
      threads.add();
    } catch (const std::system_error& error) {
      return fmt::format("cannot start the {} threads that may be needed, only {}: {}", count, started,
                         error.code().message());
    }
  }
  void* const room = ::mmap(nullptr, kRoom, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED)
    return fmt::format("cannot have {} MiB of memory beside {} threads: {}", kRoom >> 20, count, std::strerror(errno));
  ::munmap(room, kRoom);
  return std::nullopt;
}

}  // namespace

void check_resources(unsigned own_threads) {
  bound_arenas();
  if (const auto shortage = find_shortage(own_threads + grpc_threads())) {
    throw Exit(kExitOs, *shortage +
                            "; raise the limits on threads and memory (ulimit -u, ulimit -v; TasksMax and "
                            "MemoryMax of a service; pids.max)");
  }
}

}  // namespace idetcd::app
