#include "records/record_set_builder.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace idetcd {
using namespace internal;  // the implementation
namespace {

constexpr std::size_t kMaxDecoded = 256;  // what one change usually has; at most 2 MiB of text

// Empty: malformed. What was stored is not, so decoding it again can only fail on a bug.
std::optional<NamedRecord> decode(SlotId slot, const StoredRecord& stored) {
  auto record = parse_record(stored.json);
  if (!record) return std::nullopt;
  const Revision token = record->token != 0 ? record->token : stored.mod_revision;
  return NamedRecord{slot, std::move(*record), token, stored.mod_revision, stored.lease};
}

// Null if it has to be decoded.
const NamedRecord* find_decoded(const std::vector<NamedRecord>& decoded, SlotId slot, const StoredRecord& stored) {
  const auto behind = std::ranges::upper_bound(decoded, slot, {}, &NamedRecord::slot);
  if (behind == decoded.begin()) return nullptr;
  const NamedRecord& last = *std::prev(behind);
  const bool same = last.slot == slot && last.mod_revision == stored.mod_revision && last.lease == stored.lease;
  return same ? &last : nullptr;
}

}  // namespace

// --- RecordSet ---------------------------------------------------------------------

RecordSet::RecordSet() = default;

std::optional<NamedRecord> RecordSet::find(SlotId slot) const {
  const std::size_t index = slot / RecordPage::kSlots;
  if (!slots_ || index >= slots_->pages.size() || !slots_->pages[index]) return std::nullopt;
  const StoredRecord stored = slots_->pages[index]->at(slot % RecordPage::kSlots);
  if (stored.mod_revision == 0) return std::nullopt;
  if (const NamedRecord* const decoded = find_decoded(slots_->decoded, slot, stored)) return *decoded;
  return decode(slot, stored);
}

void RecordSet::for_each(const std::function<void(const NamedRecord&)>& visit) const {
  if (!slots_) return;
  for (std::size_t index = 0; index < slots_->pages.size(); ++index) {
    if (!slots_->pages[index]) continue;
    for (std::size_t i = 0; i < RecordPage::kSlots; ++i) {
      if (!slots_->pages[index]->occupied(i)) continue;
      const auto slot = static_cast<SlotId>(index * RecordPage::kSlots + i);
      if (const auto named = decode(slot, slots_->pages[index]->at(i))) visit(*named);
    }
  }
}

// --- RecordPage ----------------------------------------------------------------------

void RecordPage::put(std::size_t i, const StoredRecord& record) {
  const auto growth = static_cast<std::uint32_t>(record.json.size() - size(i));  // modulo 2^32: it may shrink
  text_.replace(begin(i), size(i), record.json);
  for (std::size_t after = i; after < kSlots; ++after) ends_[after] += growth;
  mod_revisions_[i] = record.mod_revision;
  leases_[i] = record.lease;
}

// --- RecordSetBuilder -----------------------------------------------------------------

RecordSetBuilder::RecordSetBuilder(SlotId limit)
    : pages_(limit / RecordPage::kSlots + 1), owned_(pages_.size(), nullptr) {}

RecordSetBuilder RecordSetBuilder::fork() {
  share_all();
  return RecordSetBuilder(*this);
}

bool RecordSetBuilder::put(SlotId slot, const KeyValue& kv) {
  const StoredRecord present = find(slot);
  if (present.mod_revision == kv.mod_revision && present.lease == kv.lease) return false;
  if (const auto bad = malformed_.find(slot); bad != malformed_.end() && bad->second == kv.mod_revision) return false;
  const StoredRecord next{kv.value, kv.mod_revision, kv.lease};
  auto named = decode(slot, next);
  if (!named) {
    store(slot, {});
    malformed_[slot] = kv.mod_revision;
    return true;
  }
  malformed_.erase(slot);
  store(slot, next);
  if (decoded_.size() < kMaxDecoded) decoded_.push_back(std::move(*named));
  return true;
}

bool RecordSetBuilder::erase(SlotId slot) {
  const bool was_malformed = malformed_.erase(slot) != 0;
  if (find(slot).mod_revision == 0) return was_malformed;
  store(slot, {});
  return true;
}

std::vector<SlotId> RecordSetBuilder::known() const {
  std::vector<SlotId> slots;
  slots.reserve(size_ + malformed_.size());
  for (std::size_t index = 0; index < pages_.size(); ++index) {
    if (!pages_[index]) continue;
    for (std::size_t i = 0; i < RecordPage::kSlots; ++i) {
      if (pages_[index]->occupied(i)) slots.push_back(static_cast<SlotId>(index * RecordPage::kSlots + i));
    }
  }
  for (const auto& [slot, revision] : malformed_) slots.push_back(slot);
  return slots;
}

RecordSet RecordSetBuilder::build(Revision revision) {
  share_all();
  std::ranges::stable_sort(decoded_, {}, &NamedRecord::slot);
  RecordSet set;
  set.slots_ = std::make_shared<const RecordSet::Slots>(RecordSet::Slots{pages_, std::exchange(decoded_, {})});
  set.size_ = size_;
  set.malformed_ = malformed_.size();
  set.revision_ = revision;
  return set;
}

StoredRecord RecordSetBuilder::find(SlotId slot) const noexcept {
  const auto& page = pages_[slot / RecordPage::kSlots];
  return page ? page->at(slot % RecordPage::kSlots) : StoredRecord{};
}

void RecordSetBuilder::store(SlotId slot, const StoredRecord& record) {
  const bool was_there = find(slot).mod_revision != 0;
  const bool is_there = record.mod_revision != 0;
  if (!was_there && !is_there) return;
  if (was_there && !is_there) --size_;
  if (!was_there && is_there) ++size_;
  own_page(slot / RecordPage::kSlots).put(slot % RecordPage::kSlots, record);
}

RecordPage& RecordSetBuilder::own_page(std::size_t index) {
  if (!owned_[index]) {
    auto page = pages_[index] ? std::make_shared<RecordPage>(*pages_[index]) : std::make_shared<RecordPage>();
    owned_[index] = page.get();
    pages_[index] = std::move(page);
  }
  return *owned_[index];
}

void RecordSetBuilder::share_all() {
  for (RecordPage*& page : owned_) {
    if (page) page->settle();
    page = nullptr;
  }
}

}  // namespace idetcd
