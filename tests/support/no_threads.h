// NoThreads: while it lives, this process cannot create a thread (each would want more stack than
// there are addresses). Those that run go on.
#pragma once

#include <pthread.h>
#include <cstddef>
#include <stdexcept>

namespace idetcd::testing {

class NoThreads {
 public:
  NoThreads() {
    pthread_attr_t attributes;
    if (pthread_getattr_default_np(&before_) != 0 || pthread_attr_init(&attributes) != 0 ||
        pthread_attr_setstacksize(&attributes, std::size_t{1} << 50) != 0 ||
        pthread_setattr_default_np(&attributes) != 0) {
      throw std::runtime_error("cannot change the default stack size");
    }
    pthread_attr_destroy(&attributes);
  }
  ~NoThreads() {
    (void)pthread_setattr_default_np(&before_);
    pthread_attr_destroy(&before_);
  }
  NoThreads(const NoThreads&) = delete;
  NoThreads& operator=(const NoThreads&) = delete;

 private:
  pthread_attr_t before_;
};

}  // namespace idetcd::testing
