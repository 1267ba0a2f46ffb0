#include "base/clock.h"

#include "base/boot_alarm.h"

#include <time.h>

namespace idetcd::internal {
namespace {

class BootClock final : public Clock {
 public:
  TimePoint now() const noexcept override { return boot_now(); }
  std::unique_ptr<Alarm> alarm() const override { return std::make_unique<BootAlarm>(); }
};

}  // namespace

TimePoint boot_now() noexcept {
  timespec ts{};
  clock_gettime(CLOCK_BOOTTIME, &ts);
  return TimePoint{std::chrono::seconds{ts.tv_sec} + std::chrono::nanoseconds{ts.tv_nsec}};
}

const Clock& boot_clock() noexcept {
  static const BootClock clock;
  return clock;
}

}  // namespace idetcd::internal
