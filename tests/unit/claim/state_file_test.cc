#include "claim/state_file.h"

#include "base/stable_hash.h"
#include "unit/claim/claim_world.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <unistd.h>
#include <filesystem>
#include <fstream>
#include <string>

namespace idetcd {
using namespace internal;
namespace {

using namespace std::chrono_literals;
using testing::World;

struct Directory {
  Directory() {
    std::string name = (std::filesystem::temp_directory_path() / "idetcd-state-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() { std::filesystem::remove_all(path); }

  std::filesystem::path the_json() const {
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      if (entry.path().extension() == ".json") return entry.path();
    }
    return {};
  }

  std::filesystem::path path;
};

ClaimOptions sticky_in(const std::filesystem::path& state_dir, testing::Log& log) {
  ClaimOptions options;
  options.state_dir = state_dir;
  options.sticky = 60s;
  options.log = log.sink();
  return options;
}

}  // namespace

TEST_CASE("a state file keeps what was saved last, for its user alone", "[claim][state]") {
  const Directory directory;
  const auto file = StateFile::open(directory.path, "pool");
  REQUIRE(file.has_value());
  CHECK_FALSE(file->load());
  const auto mask = ::umask(0);
  REQUIRE(file->save({.node_id = "a", .lease = 1, .slot = 2, .token = 3}).has_value());
  REQUIRE(file->save({.node_id = "b", .lease = 4, .slot = 5, .token = 6}).has_value());
  ::umask(mask);
  const auto saved = file->load();
  REQUIRE(saved);
  CHECK(saved->node_id == "b");
  CHECK(saved->lease == 4);
  CHECK(saved->owner_is_dead);
  struct stat info {};
  REQUIRE(::stat(directory.the_json().c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
}

TEST_CASE("saving a state file does not write through what lies in its way", "[claim][state]") {
  const Directory directory;
  const auto file = StateFile::open(directory.path, "pool");
  REQUIRE(file.has_value());
  REQUIRE(file->save({.node_id = "a"}).has_value());
  const auto victim = directory.path / "victim";
  std::ofstream(victim) << "precious";
  std::filesystem::create_symlink(victim, directory.the_json().string() + ".new");
  REQUIRE(file->save({.node_id = "b"}).has_value());
  std::string text;
  std::ifstream(victim) >> text;
  CHECK(text == "precious");
  CHECK(file->load()->node_id == "b");
}

TEST_CASE("a state folder that cannot be used is logged, and the name claimed without", "[claim][state]") {
  const Directory directory;
  const World world(3);
  testing::Log log;
  std::ofstream(directory.path / "file") << "not a directory";
  const auto held = world.run(world.etcd, sticky_in(directory.path / "file" / "state", log));
  REQUIRE(held.has_value());
  CHECK_FALSE(held->state);
  REQUIRE(log.lines().size() == 1);
  CHECK(log.lines().front().find("Not a directory") != std::string::npos);
  CHECK(log.lines().front().find("going on without") != std::string::npos);
  CHECK(world.etcd->leases() == 1);  // not sticky: nobody will have this node id again
}

TEST_CASE("a state file that cannot be written is logged once, and the name claimed", "[claim][state]") {
  const Directory directory;
  const World world(3);
  testing::Log log;
  const auto hash = stable_hash(world.pattern.canonical());
  std::filesystem::create_directory(directory.path / fmt::format("claim-{:016x}.json.new", hash));  // in the way
  ClaimOptions options = sticky_in(directory.path, log);
  SECTION("with a random node id") {
    REQUIRE(world.run(world.etcd, options).has_value());
    CHECK(world.etcd->leases() == 1);
  }
  SECTION("with a lasting one") {
    options.node_id = "host-7";
    REQUIRE(world.run(world.etcd, options).has_value());
    CHECK(world.etcd->leases() == 2);
  }
  CHECK(log.lines().size() == 1);
}

TEST_CASE("a state file that another process has is refused", "[claim][state]") {
  const Directory directory;
  const World world(3);
  testing::Log log;
  const auto first = world.run(world.etcd, sticky_in(directory.path, log));
  REQUIRE(first.has_value());
  const auto second = world.run(world.etcd, sticky_in(directory.path, log));
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().code == ErrorCode::kInvalidArgument);
  CHECK(second.error().option == "state-dir");
}

}  // namespace idetcd
