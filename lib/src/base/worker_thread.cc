#include "base/worker_thread.h"

#include <future>
#include <system_error>
#include <utility>

namespace idetcd::internal {

WorkerThread::~WorkerThread() {
  stop();
  if (!thread_.joinable()) return;
  if (is_current()) {
    thread_.detach();
  } else {
    thread_.join();
  }
}

Status WorkerThread::start(std::function<void(std::stop_token)> body) {
  std::promise<void> known;  // that thread_ is set, which is_current() reads
  try {
    thread_ = std::thread(
        [body = std::move(body), stop = stop_.get_token(), ending = ending_, go = known.get_future()]() mutable {
          go.wait();
          std::exchange(body, nullptr)(std::move(stop));
          std::lock_guard lock(ending->mutex);
          ending->ended = true;
          ending->changed.notify_all();
        });
  } catch (const std::system_error& error) {
    return Error{ErrorCode::kExhausted, "cannot start a thread: " + error.code().message() +
                                            "; raise the limit of processes and threads (ulimit -u, pids.max)"};
  }
  known.set_value();
  return {};
}

void WorkerThread::stop() {
  stop_.request_stop();
  if (!thread_.joinable() || is_current()) return;
  std::unique_lock lock(ending_->mutex);
  ending_->changed.wait(lock, [&] { return ending_->ended; });
}

}  // namespace idetcd::internal
