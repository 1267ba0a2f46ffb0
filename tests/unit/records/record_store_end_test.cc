// How a RecordStore ends, wherever it is destroyed; and that it may not begin.
#include "support/no_threads.h"
#include "unit/records/record_cluster.h"

#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <stdexcept>

namespace idetcd {
namespace {

RecordStoreOptions options_of(const Cluster& cluster, std::function<void()> on_change) {
  return {.pattern = cluster.pattern,
          .on_change = [on_change = std::move(on_change)](const RecordSet&, std::span<const SlotId>) { on_change(); }};
}

}  // namespace

TEST_CASE("a forked child may destroy a store", "[store]") {
  Cluster cluster;
  cluster.put(1);
  auto store = cluster.open();
  const pid_t child = ::fork();
  if (child == 0) {
    store.reset();
    ::_exit(0);
  }
  int status = 0;
  const bool ended = eventually([&] { return ::waitpid(child, &status, WNOHANG) == child; });
  if (!ended) {
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
  }
  CHECK(ended);
  CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
  cluster.put(2);
  CHECK(shows(*store, 2));  // the parent's follows on
}

TEST_CASE("a store may be destroyed in its own on_change", "[store]") {
  Cluster cluster;
  cluster.put(1);
  std::mutex mutex;
  std::unique_ptr<RecordStore> store;
  bool opened = false;
  auto destroyed = std::make_shared<std::atomic<bool>>(false);
  auto result = RecordStore::open(cluster.etcd, options_of(cluster, [&, destroyed] {
                                    std::lock_guard lock(mutex);
                                    if (!opened) return;
                                    store.reset();
                                    *destroyed = true;
                                  }));
  REQUIRE(result.has_value());
  {
    std::lock_guard lock(mutex);
    store = std::move(*result);
    opened = true;
  }
  cluster.put(2);
  REQUIRE(eventually([&] { return destroyed->load(); }));
  // That was the last call, and the thread lets go of everything soon.
  CHECK(eventually([&] { return destroyed.use_count() == 1; }));
  cluster.put(3);
}

TEST_CASE("what on_change throws is logged, and the store goes on", "[store]") {
  Cluster cluster;
  cluster.put(1);
  std::mutex mutex;
  std::vector<std::string> log;
  auto options = options_of(cluster, [] { throw std::runtime_error("oops"); });
  options.log = [&](LogLevel, std::string_view message) {
    std::lock_guard lock(mutex);
    log.emplace_back(message);
  };
  const auto opened = RecordStore::open(cluster.etcd, options);
  REQUIRE(opened.has_value());
  cluster.put(2);
  REQUIRE(shows(**opened, 2));
  cluster.put(3);
  REQUIRE(shows(**opened, 3));
  std::lock_guard lock(mutex);
  REQUIRE_FALSE(log.empty());
  CHECK_THAT(log.front(), Catch::Contains("oops"));
}

TEST_CASE("without a thread there is no store, but an Error", "[store]") {
  Cluster cluster;
  const testing::NoThreads none;
  const auto store = RecordStore::open(cluster.etcd, {.pattern = cluster.pattern});
  REQUIRE_FALSE(store.has_value());
  CHECK(store.error().code == ErrorCode::kExhausted);
  CHECK_THAT(store.error().message, Catch::Contains("cannot start the thread"));
}

}  // namespace idetcd
