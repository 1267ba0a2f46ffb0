#include "base/boot_id.h"

#include "base/stable_hash.h"

#include <fmt/format.h>

#include <fstream>

namespace idetcd::internal {

std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

std::string boot_mark() {
  const std::string id = boot_id();
  return id.empty() ? id : fmt::format("{:016x}", stable_hash(id));
}

}  // namespace idetcd::internal
