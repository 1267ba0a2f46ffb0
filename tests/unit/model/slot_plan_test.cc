#include "model/slot_plan.h"

#include <catch2/catch.hpp>

#include <random>

namespace idetcd {
using namespace internal;

TEST_CASE("a plan comes back as it was written", "[plan]") {
  const SlotPlan plan =
      GENERATE(SlotPlan{.base = 1, .limit = 1}, SlotPlan{.base = 7, .limit = 10, .runs = {{1, 10}}},
               SlotPlan{.base = 1LL << 40, .since = 1LL << 62, .limit = kMaxLimit, .runs = {{1, kMaxLimit}}},
               SlotPlan{.base = 3, .limit = 5000, .complete = false, .runs = {{2, 1}, {40, 2000}}},
               SlotPlan{.base = 3, .limit = kMaxLimit, .runs = {{kMaxLimit, 1}}});
  CHECK(parse_slot_plan(to_json(plan)) == plan);
}

TEST_CASE("each turn has the next slot of a plan", "[plan]") {
  const SlotPlan plan{.base = 100, .limit = 50, .runs = {{2, 2}, {7, 1}, {9, 40}}};
  CHECK(plan.size() == 43);
  CHECK(plan.last() == 48);
  CHECK(plan.from(100, 3) == std::vector<SlotId>{2, 3, 7});
  CHECK(plan.from(102, 3) == std::vector<SlotId>{7, 9, 10});
  CHECK(plan.from(142, 3) == std::vector<SlotId>{48});
  CHECK(plan.from(143, 3).empty());
  CHECK(SlotPlan{.base = 1, .limit = 1}.from(1, 3).empty());
}

TEST_CASE("a plan is bounded whatever the fragmentation", "[plan]") {
  std::minstd_rand random(GENERATE(1, 2, 3));
  const std::uint32_t gap = GENERATE(1U, 5U, 300U);
  SlotPlan plan{.base = 1, .limit = kMaxLimit};
  for (SlotId slot = 1; slot < kMaxLimit; slot += 2 + static_cast<SlotId>(random() % gap))
    plan.runs.push_back({slot, 1});
  const std::string json = to_json(plan);
  CHECK(json.size() <= kMaxPlanBytes);
  const auto parsed = parse_slot_plan(json);
  REQUIRE(parsed);
  CHECK_FALSE(parsed->complete);
  CHECK(parsed->size() >= 900);
  CHECK(std::equal(parsed->runs.begin(), parsed->runs.end(), plan.runs.begin()));
}

TEST_CASE("what is not a plan is refused", "[plan]") {
  const char* text = GENERATE(
      "", "{", "[]", "7", R"({"base":1})", R"({"base":-1,"limit":5,"complete":true,"free":"AB"})",
      R"({"base":9223372036854775808,"limit":5,"complete":true,"free":"AB"})",
      R"({"base":1,"limit":0,"complete":true,"free":"AB"})",
      R"({"base":1,"limit":1000001,"complete":true,"free":"AB"})", R"({"base":1,"limit":5,"complete":1,"free":"AB"})",
      R"({"base":1,"limit":5,"complete":true,"free":"A"})", R"({"base":1,"limit":5,"complete":true,"free":"AA"})",
      R"({"base":1,"limit":5,"complete":true,"free":"A!"})", R"({"base":1,"limit":5,"complete":true,"free":"AG"})",
      R"({"base":1,"limit":5,"complete":true,"free":"A_____"})");
  CHECK_FALSE(parse_slot_plan(text));
}

}  // namespace idetcd
