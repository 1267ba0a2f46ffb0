#include "base/worker_thread.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <memory>

namespace idetcd {
using namespace internal;

TEST_CASE("WorkerThread: stop() waits for the end, from several threads and more than once", "[worker]") {
  WorkerThread worker;
  std::atomic<bool> ended{false};
  REQUIRE(worker.start([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) std::this_thread::yield();
    ended = true;
  }));
  CHECK_FALSE(worker.is_current());
  {
    std::jthread other([&] { worker.stop(); });
    worker.stop();
    CHECK(ended);
  }
  worker.stop();
}

TEST_CASE("WorkerThread: its own thread may stop it, and destroy it last", "[worker]") {
  struct Object {
    WorkerThread worker;
    std::shared_ptr<std::atomic<bool>> destroyed = std::make_shared<std::atomic<bool>>(false);
    ~Object() { *destroyed = true; }
  };
  auto object = std::make_shared<Object>();
  const auto destroyed = object->destroyed;
  std::atomic<bool> go{false};
  std::atomic<bool> current{false};
  REQUIRE(object->worker.start([&go, &current, object](const std::stop_token&) {
    current = object->worker.is_current();
    object->worker.stop();
    while (!go) std::this_thread::yield();
  }));
  object.reset();
  CHECK_FALSE(*destroyed);
  go = true;
  while (!*destroyed) std::this_thread::yield();
  CHECK(current);
}

}  // namespace idetcd
