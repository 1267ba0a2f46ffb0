// RecordSetBuilder: the one writer of RecordSets. Copies share everything until they
// are changed, so a listing can be tried on a copy and thrown away.
#pragma once

#include <idetcd/record_store.h>

#include <array>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace idetcd {

// What is kept of a key: enough to decode it when asked.
struct StoredRecord {
  std::string json;
  Revision mod_revision = 0;
  LeaseId lease = 0;
};

// 256 slots that versions share until one of them changes.
struct RecordPage {
  static constexpr std::size_t kSlots = 256;
  std::array<std::shared_ptr<const StoredRecord>, kSlots> records;
};

struct RecordSet::Slots {
  std::vector<std::shared_ptr<const RecordPage>> pages;  // null: all free
};

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
  const StoredRecord* find(SlotId slot) const noexcept;
  void store(SlotId slot, std::shared_ptr<const StoredRecord> record);
  RecordPage& own_page(std::size_t index);
  void share_all();

  std::vector<std::shared_ptr<const RecordPage>> pages_;
  std::vector<RecordPage*> owned_;  // by page; null: shared with a version or a copy
  std::size_t size_ = 0;
  std::unordered_map<SlotId, Revision> malformed_;  // slot -> the bad value's revision
};

}  // namespace idetcd
