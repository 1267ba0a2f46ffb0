#include <idetcd/snapshot.h>

#include <catch2/catch.hpp>

#include <thread>
#include <vector>

TEST_CASE("a reader that raced a publication sees it at its next look") {
  for (int round = 0; round < 2000; ++round) {
    idetcd::Snapshot<int> snapshot(std::make_shared<const int>(0));
    std::jthread writer([&] { snapshot.publish(std::make_shared<const int>(1)); });
    idetcd::Snapshot<int>::Reader reader(snapshot);
    (void)reader.current();
    writer.join();
    REQUIRE(reader.current() == 1);
  }
}

TEST_CASE("a pinned value outlives its replacement") {
  idetcd::Snapshot<std::vector<int>> snapshot(std::make_shared<const std::vector<int>>(3, 7));
  idetcd::Snapshot<std::vector<int>>::Reader reader(snapshot);
  const auto& pinned = reader.current();
  snapshot.publish(std::make_shared<const std::vector<int>>());
  CHECK(pinned.size() == 3);
  CHECK(reader.current().empty());
}
