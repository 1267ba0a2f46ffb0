// The persistent table under the zone: versions, sharing, and who frees what.
#include <catch2/catch.hpp>

#include <atomic>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "idetcd-resolver/wire/wire_name.h"
#include "idetcd-resolver/zone/name_table.h"

namespace idetcd::testing {
namespace {

using namespace resolver;

NodeDraft draft_of(const std::string& name, std::uint8_t value) {
  NodeDraft draft(*to_wire(name));
  draft.put({kTypeA, 1, 0, Bytes(16, std::byte{value}), {}});
  return draft;
}

const Node* find(const NameVersion& version, const std::string& name) {
  const Bytes wire = *to_wire(name);
  return version.find(wire, hash_name(wire, version.seed()));
}

// The value a draft_of() put there; 0 if the name is absent.
unsigned value_in(const NameVersion& version, const std::string& name) {
  const Node* const node = find(version, name);
  return node == nullptr ? 0 : std::to_integer<unsigned>(node->records(node->rrsets().front()).front());
}

// Where the node of "a." was after each of `times` replacements. No reader keeps a version.
std::set<const Node*> replace_node(NameTable& table, std::size_t times) {
  std::set<const Node*> nodes;
  for (std::size_t i = 0; i < times; ++i) {
    table.put(draft_of("a.", 1));
    nodes.insert(find(*table.publish(), "a."));
  }
  return nodes;
}

TEST_CASE("a node keeps what its draft had", "[dns][table]") {
  NodeDraft draft(*to_wire("worker1.tf.local."));
  draft.put({kTypeA, 2, 1, Bytes(32, std::byte{1}), Bytes(16, std::byte{9})});
  draft.put({kTypeTxt, 1, 0, Bytes(40, std::byte{2}), {}});
  draft.notes = Bytes(5, std::byte{7});
  draft.children = 3;
  draft.rotates = true;
  NameTable table(10, 1);
  table.put(draft);
  const Node* const node = table.find(draft.name);
  REQUIRE(node != nullptr);
  const NodeDraft back(*node);
  CHECK(back.name == draft.name);
  CHECK(back.notes == draft.notes);
  CHECK(back.children == 3);
  CHECK(back.rotates);
  REQUIRE(back.sets.size() == 2);
  CHECK(back.sets[0].records == draft.sets[0].records);
  CHECK(back.sets[0].extras == draft.sets[0].extras);
  CHECK(back.sets[0].extra_count == 1);
  CHECK(back.sets[1].records == draft.sets[1].records);
  CHECK(node->find(kTypeAaaa) == nullptr);
}

TEST_CASE("old versions stay as they were", "[dns][table]") {
  NameTable table(10, 1);
  table.put(draft_of("a.", 1));
  const auto first = table.publish();
  table.put(draft_of("a.", 2));
  table.put(draft_of("b.", 3));
  const auto second = table.publish();
  table.erase(*to_wire("a."));
  const auto third = table.publish();
  CHECK(value_in(*first, "a.") == 1);
  CHECK(value_in(*first, "b.") == 0);
  CHECK(value_in(*second, "a.") == 2);
  CHECK(value_in(*second, "b.") == 3);
  CHECK(value_in(*third, "a.") == 0);
  CHECK(third->size() == 1);
}

TEST_CASE("what no version can reach is used again, and nothing before", "[dns][table]") {
  constexpr std::size_t kReplacements = 1000;
  NameTable table(10, 1);
  CHECK(replace_node(table, kReplacements).size() < 5);

  table.put(draft_of("a.", 200));
  auto held = table.publish();
  // A newer version that is gone frees nothing while an older one is held.
  const auto nodes = replace_node(table, kReplacements);
  CHECK(nodes.size() == kReplacements);
  CHECK(nodes.count(find(*held, "a.")) == 0);
  CHECK(value_in(*held, "a.") == 200);

  held.reset();
  table.publish();
  for (const Node* const node : replace_node(table, kReplacements / 2)) CHECK(nodes.count(node) == 1);
}

TEST_CASE("a version outlives its table", "[dns][table]") {
  auto table = std::make_unique<NameTable>(10, 1);
  table->put(draft_of("a.", 1));
  const auto version = table->publish();
  table->put(draft_of("b.", 2));
  table.reset();
  CHECK(value_in(*version, "a.") == 1);
}

TEST_CASE("a table agrees with a map through growth, replacement and removal", "[dns][table]") {
  std::mt19937 random(7);
  NameTable table(1, 99);
  std::map<std::string, unsigned> model;
  for (int step = 0; step < 20'000; ++step) {
    const std::string name = "n" + std::to_string(random() % 3'000) + ".x.";
    if (random() % 3 == 0) {
      table.erase(*to_wire(name));
      model.erase(name);
    } else {
      const auto value = static_cast<std::uint8_t>(1 + random() % 250);
      table.put(draft_of(name, value));
      model[name] = value;
    }
    if (step % 500 == 0) table.publish();
  }
  const auto version = table.publish();
  CHECK(version->size() == model.size());
  for (int i = 0; i < 3'000; ++i) {
    const std::string name = "n" + std::to_string(i) + ".x.";
    const auto at = model.find(name);
    if (value_in(*version, name) != (at == model.end() ? 0 : at->second)) FAIL(name);
  }
}

TEST_CASE("readers see whole versions while the writer goes on", "[dns][table]") {
  NameTable table(100, 3);
  std::mutex mutex;
  auto put_all = [&](std::uint8_t value) {
    for (int i = 0; i < 50; ++i) table.put(draft_of("n" + std::to_string(i) + ".", value));
    return table.publish();
  };
  std::shared_ptr<const NameVersion> current = put_all(1);
  std::atomic<bool> stop{false};
  std::atomic<int> torn{0};
  std::vector<std::jthread> readers;
  for (int r = 0; r < 2; ++r) {
    readers.emplace_back([&] {
      while (!stop) {
        std::shared_ptr<const NameVersion> version;
        {
          std::lock_guard lock(mutex);
          version = current;
        }
        const unsigned first = value_in(*version, "n0.");
        for (int i = 1; i < 50; ++i)
          if (value_in(*version, "n" + std::to_string(i) + ".") != first) ++torn;
      }
    });
  }
  for (int round = 0; round < 300; ++round) {
    auto next = put_all(static_cast<std::uint8_t>(1 + round % 200));
    std::lock_guard lock(mutex);
    current.swap(next);
  }
  stop = true;
  readers.clear();
  CHECK(torn == 0);
}

}  // namespace
}  // namespace idetcd::testing
