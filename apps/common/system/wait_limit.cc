#include "common/system/wait_limit.h"

#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <utility>

namespace idetcd::app {

WaitLimit::WaitLimit(std::chrono::seconds time, std::function<void()> on_over)
    : thread_([time, on_over = std::move(on_over)](const std::stop_token& stop) {
        std::mutex mutex;
        std::condition_variable_any stopped;
        std::unique_lock lock(mutex);
        stopped.wait_for(lock, stop, time, [] { return false; });
        if (!stop.stop_requested()) on_over();
      }) {}

}  // namespace idetcd::app
