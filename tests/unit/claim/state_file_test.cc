#include "claim/state_file.h"

#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <unistd.h>
#include <filesystem>
#include <fstream>
#include <string>

namespace idetcd {
using namespace internal;
namespace {

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

}  // namespace idetcd
