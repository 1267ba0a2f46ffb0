#include "common/system/privileges.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

namespace idetcd::app {
namespace {

struct Account {
  uid_t uid = 0;
  gid_t gid = 0;
};

std::optional<passwd> look_up(uid_t uid, const char* name, std::vector<char>& buffer) {
  passwd entry{};
  passwd* found = nullptr;
  for (buffer.resize(1024);; buffer.resize(buffer.size() * 2)) {
    const int error = name != nullptr ? getpwnam_r(name, &entry, buffer.data(), buffer.size(), &found)
                                      : getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
    if (error != ERANGE) break;
  }
  return found != nullptr ? std::optional(entry) : std::nullopt;
}

// "nobody", or the number of one without a name.
std::string own_name() {
  std::vector<char> buffer;
  const auto entry = look_up(geteuid(), nullptr, buffer);
  return entry ? entry->pw_name : std::to_string(geteuid());
}

Error failed(const char* call) {
  return {ErrorCode::kUnavailable, fmt::format("cannot give up privileges: {}: {}", call, std::strerror(errno))};
}

// Bits, by the numbers of the capabilities.
using Capabilities = std::uint64_t;

constexpr Capabilities kBind = Capabilities{1} << CAP_NET_BIND_SERVICE;

std::optional<Capabilities> permitted() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
  if (syscall(SYS_capget, &header, data.data()) != 0) return std::nullopt;
  return Capabilities{data[1].permitted} << 32 | data[0].permitted;
}

bool set_capabilities(Capabilities kept) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
  data[0].permitted = data[0].effective = static_cast<std::uint32_t>(kept);
  data[1].permitted = data[1].effective = static_cast<std::uint32_t>(kept >> 32);
  return syscall(SYS_capset, &header, data.data()) == 0;
}

// Needs CAP_SETPCAP; without it, no-new-privileges is what bounds the programs we start.
void empty_bounding_set() {
  for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability)
    prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

// The groups first: afterwards they may not be changed any more.
Status change_to(const std::string& name, const Account& account) {
  if (initgroups(name.c_str(), account.gid) != 0) return failed("initgroups");
  if (setresgid(account.gid, account.gid, account.gid) != 0) return failed("setresgid");
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return failed("PR_SET_KEEPCAPS");
  if (setresuid(account.uid, account.uid, account.uid) != 0) return failed("setresuid");
  return {};
}

Error unreachable(const std::filesystem::path& path, const char* verb) {
  const int reason = errno;
  return {ErrorCode::kDenied,
          fmt::format("\"{}\" cannot be {} as user {}: {}{}", path.string(), verb, own_name(), std::strerror(reason),
                      reason != EACCES ? ""
                      : geteuid() == 0 ? "; root's right to pass over permissions is given up: chown or chmod it"
                                       : "; chown or chmod it")};
}

bool may(const std::filesystem::path& path, int mode) {
  return faccessat(AT_FDCWD, path.c_str(), mode, AT_EACCESS) == 0;
}

}  // namespace

Status lower_privileges(const std::string& account) {
  const auto before = permitted();
  if (!before) return failed("capget");
  std::vector<char> buffer;
  const auto entry = account.empty() ? std::nullopt : look_up(0, account.c_str(), buffer);
  if (!account.empty() && !entry)
    return Error{ErrorCode::kInvalidArgument, fmt::format("there is no account \"{}\" on this machine", account)};
  const bool changes = entry && entry->pw_uid != geteuid();
  if (changes && geteuid() != 0) {
    return Error{ErrorCode::kDenied,
                 fmt::format("only root can change to the account \"{}\", and this is user {}; start "
                             "as root, or without it",
                             account, own_name())};
  }
  empty_bounding_set();
  if (changes) {
    if (Status changed = change_to(account, {entry->pw_uid, entry->pw_gid}); !changed) return changed;
  }
  if (!set_capabilities(*before & kBind)) return failed("capset");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed("PR_SET_NO_NEW_PRIVS");
  return {};
}

Status check_readable(const std::filesystem::path& file) {
  if (!may(file, R_OK)) return unreachable(file, "read");
  return {};
}

}  // namespace idetcd::app
