#include "claim/state_file.h"

#include "base/stable_hash.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

namespace idetcd::internal {
namespace {

std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

// Which file the lock is on: a copied folder has another.
std::string identity_of(int lock) {
  struct stat info {};
  if (::fstat(lock, &info) != 0) return {};
  return fmt::format("{}:{}", info.st_dev, info.st_ino);
}

template <class T>
T member_or(const nlohmann::json& object, const char* name, T fallback) {
  const auto found = object.find(name);
  if (found == object.end()) return fallback;
  if constexpr (std::is_same_v<T, std::string>) {
    return found->is_string() ? found->template get<std::string>() : fallback;
  } else {
    return found->is_number_integer() ? found->template get<T>() : fallback;
  }
}

Error unusable(const std::filesystem::path& path, std::string_view what) {
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("state file {}: {}; name a folder that this user can write, or leave state-dir out",
                           path.string(), what)};
}

}  // namespace

Result<StateFile> StateFile::open(const std::filesystem::path& folder, const std::string& pool) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return unusable(folder, error.message());
  auto path = folder / fmt::format("claim-{:016x}.json", stable_hash(pool));
  const auto lock_path = path.string() + ".lock";
  const int lock = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0) return unusable(path, std::strerror(errno));
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    const bool busy = errno == EWOULDBLOCK;
    ::close(lock);
    if (!busy) return unusable(path, std::strerror(errno));
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format("state file {} is in use by another live process; give each its own state-dir", path.string())};
  }
  return StateFile(std::move(path), pool, lock);
}

StateFile::StateFile(std::filesystem::path path, std::string pool, int lock)
    : path_(std::move(path)), pool_(std::move(pool)), lock_(lock) {}

StateFile::StateFile(StateFile&& other) noexcept
    : path_(std::move(other.path_)), pool_(std::move(other.pool_)), lock_(std::exchange(other.lock_, -1)) {}

StateFile::~StateFile() {
  if (lock_ >= 0) ::close(lock_);
}

std::optional<SavedClaim> StateFile::load() const {
  std::ifstream file(path_, std::ios::binary);
  if (!file) return std::nullopt;
  const auto json = nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || member_or<std::string>(json, "pool", {}) != pool_) return std::nullopt;
  SavedClaim saved;
  saved.node_id = member_or<std::string>(json, "node", {});
  saved.lease = member_or<LeaseId>(json, "lease", 0);
  saved.slot = static_cast<SlotId>(member_or<std::int64_t>(json, "slot", 0));
  saved.token = member_or<Revision>(json, "token", 0);
  saved.owner_is_dead = member_or<std::string>(json, "boot", {}) == boot_id() &&
                        member_or<std::string>(json, "lock", {}) == identity_of(lock_);
  return saved;
}

Status StateFile::save(const SavedClaim& claim) const {
  const nlohmann::json json{
      {"pool", pool_},        {"node", claim.node_id}, {"lease", claim.lease},      {"slot", claim.slot},
      {"token", claim.token}, {"boot", boot_id()},     {"lock", identity_of(lock_)}};
  const auto beside = std::filesystem::path(path_.string() + ".new");
  {
    std::ofstream file(beside, std::ios::binary | std::ios::trunc);
    file << json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
    file.flush();
    if (!file) return unusable(beside, "cannot be written");
  }
  std::error_code error;
  std::filesystem::rename(beside, path_, error);
  if (error) return unusable(path_, error.message());
  return {};
}

}  // namespace idetcd::internal
