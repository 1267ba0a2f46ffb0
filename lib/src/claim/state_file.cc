#include "claim/state_file.h"

#include "base/boot_id.h"
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
#include <string_view>
#include <system_error>

namespace idetcd::internal {
namespace {

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

// Closed at the end of its scope.
class File {
 public:
  File(const char* path, int flags) : fd_(::open(path, flags | O_CLOEXEC, 0600)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }

  bool is_open() const noexcept { return fd_ >= 0; }
  bool sync() const noexcept { return ::fsync(fd_) == 0; }
  bool write(std::string_view text) const noexcept {
    while (!text.empty()) {
      const auto written = ::write(fd_, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
  }

 private:
  const int fd_;
};

Error unusable(const std::filesystem::path& path, std::string_view what) {
  return Error{ErrorCode::kUnavailable,
               fmt::format("state file {}: {}; make its directory writable for this user, or leave state-dir out",
                           path.string(), what)};
}

}  // namespace

Result<StateFile> StateFile::open(const std::filesystem::path& folder, const std::string& pool) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return unusable(folder, error.message());
  auto path = folder / fmt::format("claim-{:016x}.json", stable_hash(pool));
  const auto lock_path = path.string() + ".lock";
  const int lock = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (lock < 0) return unusable(path, std::strerror(errno));
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    const bool busy = errno == EWOULDBLOCK;
    ::close(lock);
    if (!busy) return unusable(path, std::strerror(errno));
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format("state file {} is in use by another live process; give each its own state-dir", path.string()),
        "state-dir"};
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
  const std::string beside = path_.string() + ".new";
  ::unlink(beside.c_str());  // of a run that was killed; whatever it is, it is not written through
  {
    const File file(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
    const auto text = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
    if (!file.is_open() || !file.write(text) || !file.sync()) return unusable(beside, std::strerror(errno));
  }
  if (::rename(beside.c_str(), path_.c_str()) != 0) return unusable(path_, std::strerror(errno));
  // The new name counts once its directory is on the disk too.
  const File folder(path_.parent_path().c_str(), O_RDONLY | O_DIRECTORY);
  if (!folder.is_open() || !folder.sync()) return unusable(path_, std::strerror(errno));
  return {};
}

}  // namespace idetcd::internal
