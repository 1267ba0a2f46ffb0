// StateFile: what a restarted process needs to resume its claim, in a file that one
// process at a time holds locked (flock(2)).
//
// A lease is only resumed on the boot that wrote it and under the very lock that its
// owner held: then that owner is dead. A copy, on this machine or another, proves
// nothing. The node id and the slot outlive a boot.
#pragma once

#include <idetcd/etcd.h>
#include <idetcd/pattern_template.h>
#include <idetcd/result.h>

#include <filesystem>
#include <optional>
#include <string>

namespace idetcd::internal {

struct SavedClaim {
  std::string node_id;
  LeaseId lease = 0;           // 0: none to resume
  SlotId slot = 0;             // 0: none had yet
  Revision token = 0;          // 0: the claim's answer was not seen
  bool owner_is_dead = false;  // not stored: load() knows
};

class StateFile {
 public:
  // Creates `folder` if need be and locks the pool's file in it. kInvalidArgument: another
  // live process has it. kUnavailable: the folder cannot be used, for the reason named.
  static Result<StateFile> open(const std::filesystem::path& folder, const std::string& pool);
  StateFile(StateFile&& other) noexcept;
  StateFile& operator=(StateFile&&) = delete;
  ~StateFile();

  // Empty if there is nothing, or nothing legible, in the file.
  std::optional<SavedClaim> load() const;

  // Atomically and durably: written beside, synced, renamed. kUnavailable, as above.
  Status save(const SavedClaim& claim) const;

 private:
  StateFile(std::filesystem::path path, std::string pool, int lock);

  std::filesystem::path path_;
  std::string pool_;
  int lock_;  // file descriptor
};

}  // namespace idetcd::internal
