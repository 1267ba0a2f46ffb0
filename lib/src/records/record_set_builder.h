// RecordSetBuilder: the one writer of RecordSets. Copies share everything until they
// are changed, so a listing can be tried on a copy and thrown away.
#pragma once

#include <idetcd/record_store.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace idetcd::internal {

// What is kept of a key: enough to decode it when asked. Ends with its page.
struct StoredRecord {
  std::string_view json;
  Revision mod_revision = 0;  // 0: the slot is free
  LeaseId lease = 0;
};

// 256 slots that versions share until one of them changes. Their texts lie in one
// piece: a hundred thousand records of their own would take twice the memory, and a
// page of them is copied at every change.
class RecordPage {
 public:
  static constexpr std::size_t kSlots = 256;

  StoredRecord at(std::size_t i) const noexcept {
    return {std::string_view(text_).substr(begin(i), size(i)), mod_revisions_[i], leases_[i]};
  }
  bool occupied(std::size_t i) const noexcept { return mod_revisions_[i] != 0; }

  // `record` with mod_revision 0 frees the slot.
  void put(std::size_t i, const StoredRecord& record);
  // Gives back what growing took too much.
  void settle() { text_.shrink_to_fit(); }

 private:
  std::size_t begin(std::size_t i) const noexcept { return i == 0 ? 0 : ends_[i - 1]; }
  std::size_t size(std::size_t i) const noexcept { return ends_[i] - begin(i); }

  std::array<Revision, kSlots> mod_revisions_{};
  std::array<LeaseId, kSlots> leases_{};
  std::array<std::uint32_t, kSlots> ends_{};  // of each one's text, which begins at the end of the one before
  std::string text_;
};

}  // namespace idetcd::internal

struct idetcd::RecordSet::Slots {
  std::vector<std::shared_ptr<const internal::RecordPage>> pages;  // null: all free
  // Records that were decoded to check them, in ascending order of slots: whoever follows
  // the set asks for them next. Only of the last change and few, so that memory does not
  // grow with the set. Of a slot that is in it twice the later one counts; one that no
  // longer is in its page does not count.
  std::vector<NamedRecord> decoded;
};

namespace idetcd::internal {

class RecordSetBuilder {
 public:
  explicit RecordSetBuilder(SlotId limit);
  RecordSetBuilder(RecordSetBuilder&&) = default;
  RecordSetBuilder& operator=(RecordSetBuilder&&) = default;

  // A second builder that goes on from here; what they have in common is shared.
  RecordSetBuilder fork();

  // Takes a key's present value. A value that is not a record counts as malformed
  // and frees the slot. True if anything is different now.
  bool put(SlotId slot, const KeyValue& kv);
  bool erase(SlotId slot);

  // Occupied or malformed slots.
  std::vector<SlotId> known() const;

  // The next version; the builder goes on from it.
  RecordSet build(Revision revision);

 private:
  RecordSetBuilder(const RecordSetBuilder&) = default;
  StoredRecord find(SlotId slot) const noexcept;
  void store(SlotId slot, const StoredRecord& record);
  RecordPage& own_page(std::size_t index);
  void share_all();

  std::vector<std::shared_ptr<const RecordPage>> pages_;
  std::vector<RecordPage*> owned_;    // by page; null: shared with a version or a copy
  std::vector<NamedRecord> decoded_;  // since the last version: Slots::decoded, in the order of changes
  std::size_t size_ = 0;
  std::unordered_map<SlotId, Revision> malformed_;  // slot -> the bad value's revision
};

}  // namespace idetcd::internal
