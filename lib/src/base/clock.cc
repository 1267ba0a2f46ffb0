#include "base/clock.h"

#include <time.h>

namespace idetcd::internal {
namespace {

class BootClock final : public Clock {
 public:
  TimePoint now() const noexcept override {
    timespec ts{};
    clock_gettime(CLOCK_BOOTTIME, &ts);
    return TimePoint{std::chrono::seconds{ts.tv_sec} + std::chrono::nanoseconds{ts.tv_nsec}};
  }
};

}  // namespace

const Clock& boot_clock() noexcept {
  static const BootClock clock;
  return clock;
}

}  // namespace idetcd::internal
