// RecordSet: a record is decoded once per change. The linker puts counted_parse_record in
// front of the library's parse_record (--wrap, see CMakeLists.txt).
#include "records/record_set_builder.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <string>

namespace idetcd {

Result<Record> real_parse_record(std::string_view json) asm("__real_" IDETCD_PARSE_RECORD);
Result<Record> counted_parse_record(std::string_view json) asm("__wrap_" IDETCD_PARSE_RECORD);

namespace {

std::atomic<int> parses = 0;

KeyValue record(Revision revision, std::uint16_t port) {
  KeyValue kv;
  kv.value = R"({"port":")" + std::to_string(port) + "\"}";
  kv.mod_revision = revision;
  kv.lease = 1;
  return kv;
}

std::uint16_t port_of(const RecordSet& set, SlotId slot) {
  const auto named = set.find(slot);
  return named ? named->record.port : std::uint16_t{0};
}

}  // namespace

Result<Record> counted_parse_record(std::string_view json) {
  ++parses;
  return real_parse_record(json);
}

TEST_CASE("a record that changed is decoded once", "[records]") {
  internal::RecordSetBuilder builder(100);
  builder.put(7, record(1, 107));
  builder.put(3, record(2, 103));
  const RecordSet first = builder.build(2);
  parses = 0;
  CHECK(port_of(first, 3) == 103);
  CHECK(port_of(first, 7) == 107);
  CHECK(parses == 0);

  builder.put(7, record(3, 207));
  const RecordSet second = builder.build(3);
  parses = 0;
  CHECK(port_of(second, 7) == 207);
  CHECK(parses == 0);
  CHECK(port_of(second, 3) == 103);  // of an earlier change: no longer kept
  CHECK(parses == 1);
  CHECK(port_of(first, 7) == 107);
}

TEST_CASE("of several changes at once the last one counts", "[records]") {
  internal::RecordSetBuilder builder(100);
  builder.put(1, record(1, 101));
  builder.put(1, record(2, 102));
  builder.put(2, record(3, 103));
  builder.erase(2);
  builder.put(3, record(4, 104));
  KeyValue malformed = record(5, 1);
  malformed.value = "[]";
  builder.put(3, malformed);
  const RecordSet set = builder.build(5);
  CHECK(port_of(set, 1) == 102);
  CHECK_FALSE(set.find(2));
  CHECK_FALSE(set.find(3));
}

TEST_CASE("what is kept decoded is bounded, and every record is found all the same", "[records]") {
  constexpr SlotId kSlots = 2000;
  internal::RecordSetBuilder builder(kSlots);
  for (SlotId slot = kSlots; slot > 0; --slot) builder.put(slot, record(slot, static_cast<std::uint16_t>(slot)));
  builder.put(kSlots, record(kSlots + 1, 9));  // behind the bound: the one before it must not count
  const RecordSet set = builder.build(kSlots + 1);
  parses = 0;
  for (SlotId slot = 1; slot < kSlots; ++slot) REQUIRE(port_of(set, slot) == slot);
  CHECK(port_of(set, kSlots) == 9);
  CHECK(parses > static_cast<int>(kSlots) / 2);
}

}  // namespace idetcd
