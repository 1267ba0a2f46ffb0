// Transactions: all that the claim's chain rests on.
#include "support/etcd_contract.h"
#include "support/etcd_steps.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

namespace idetcd::testing {
namespace {

using namespace std::chrono_literals;

using Op = Compare::Op;
using Target = Compare::Target;

RangeRequest read(const std::string& key) {
  RangeRequest request;
  request.keys = KeyRange::one(key);
  return request;
}

RangeRequest count(const std::string& prefix) {
  RangeRequest request;
  request.keys = KeyRange::prefix(prefix);
  request.count_only = true;
  return request;
}

bool holds(Etcd& etcd, Compare compare) {
  Txn txn;
  txn.compares.push_back(std::move(compare));
  return commit(etcd, txn).succeeded;
}

ErrorCode refusal(Etcd& etcd, const Txn& txn) {
  const auto reply = etcd.txn(txn, {});
  REQUIRE_FALSE(reply);
  return reply.error().code;
}

Compare number(const std::string& key, Target target, Op op, std::int64_t value) {
  Compare compare;
  compare.key = key;
  compare.target = target;
  compare.op = op;
  compare.number = value;
  return compare;
}

Compare value(const std::string& key, Op op, const std::string& text) {
  Compare compare = Compare::value_is(key, text);
  compare.op = op;
  return compare;
}

void check_orders(Etcd& etcd, const std::string& key, Target target, std::int64_t actual) {
  INFO("target " << static_cast<int>(target));
  CHECK(holds(etcd, number(key, target, Op::kEqual, actual)));
  CHECK_FALSE(holds(etcd, number(key, target, Op::kEqual, actual + 1)));
  CHECK(holds(etcd, number(key, target, Op::kNotEqual, actual + 1)));
  CHECK_FALSE(holds(etcd, number(key, target, Op::kNotEqual, actual)));
  CHECK(holds(etcd, number(key, target, Op::kGreater, actual - 1)));
  CHECK_FALSE(holds(etcd, number(key, target, Op::kGreater, actual)));
  CHECK(holds(etcd, number(key, target, Op::kLess, actual + 1)));
  CHECK_FALSE(holds(etcd, number(key, target, Op::kLess, actual)));
}

void every_target_compares_in_every_way(const EtcdFixture& fixture) {
  Etcd& etcd = *fixture.etcd;
  const auto key = fixture.prefix + "a";
  const auto lease = grant(etcd, 60s);
  const auto created = put(etcd, key, "l");
  const auto modified = put(etcd, key, "m", lease);
  check_orders(etcd, key, Target::kVersion, 2);
  check_orders(etcd, key, Target::kCreateRevision, created);
  check_orders(etcd, key, Target::kModRevision, modified);
  check_orders(etcd, key, Target::kLease, lease);
  CHECK(holds(etcd, value(key, Op::kEqual, "m")));
  CHECK_FALSE(holds(etcd, value(key, Op::kEqual, "mm")));
  CHECK(holds(etcd, value(key, Op::kNotEqual, "n")));
  CHECK(holds(etcd, value(key, Op::kGreater, "l")));
  CHECK(holds(etcd, value(key, Op::kLess, "ma")));
  CHECK(holds(etcd, Compare::present(key)));
  CHECK_FALSE(holds(etcd, Compare::absent(key)));
  CHECK(holds(etcd, Compare::lease_is(key, lease)));
  CHECK(holds(etcd, Compare::created_at(key, created)));
  CHECK(holds(etcd, Compare::modified_at(key, modified)));
  CHECK(etcd.lease_revoke(lease, {}));
}

void an_absent_key_is_zero_and_has_no_value(const EtcdFixture& fixture) {
  Etcd& etcd = *fixture.etcd;
  const auto key = fixture.prefix + "nothing";
  for (const auto target : {Target::kVersion, Target::kCreateRevision, Target::kModRevision, Target::kLease}) {
    check_orders(etcd, key, target, 0);
  }
  for (const auto op : {Op::kEqual, Op::kNotEqual, Op::kGreater, Op::kLess})
    CHECK_FALSE(holds(etcd, value(key, op, "")));
  CHECK_FALSE(holds(etcd, value(key, Op::kNotEqual, "x")));
  CHECK(holds(etcd, Compare::absent(key)));
  CHECK_FALSE(holds(etcd, Compare::present(key)));
}

void a_range_compares_key_by_key(const EtcdFixture& fixture) {
  Etcd& etcd = *fixture.etcd;
  const KeyRange keys{fixture.prefix + "a", fixture.prefix + "c"};
  const Compare none = Compare::none_in(keys);
  Compare all = Compare::value_is(keys.begin, "x");
  all.end = keys.end;
  put(etcd, fixture.prefix + "c", "");  // beyond it
  CHECK(holds(etcd, none));
  CHECK_FALSE(holds(etcd, all));
  put(etcd, fixture.prefix + "b", "x");
  CHECK_FALSE(holds(etcd, none));
  CHECK(holds(etcd, all));
  put(etcd, fixture.prefix + "a", "y");
  CHECK_FALSE(holds(etcd, all));
}

void all_compares_must_hold(const EtcdFixture& fixture) {
  Etcd& etcd = *fixture.etcd;
  const auto key = fixture.prefix + "a";
  put(etcd, key, "1");
  Txn txn{{Compare::value_is(key, "1"), Compare::absent(key)},
          operations(PutRequest{key, "then"}),
          operations(read(key), PutRequest{fixture.prefix + "b", "else"}, DeleteRequest{KeyRange::one(key)})};
  auto reply = commit(etcd, txn);
  CHECK_FALSE(reply.succeeded);
  REQUIRE(reply.replies.size() == 3);
  CHECK(range_reply(reply, 0).kvs.at(0).value == "1");
  CHECK(std::holds_alternative<PutReply>(reply.replies[1]));
  CHECK(delete_reply(reply, 2).deleted == 1);
  CHECK_FALSE(get(etcd, key));

  txn.compares.pop_back();
  put(etcd, key, "1");
  reply = commit(etcd, txn);
  CHECK(reply.succeeded);
  CHECK(reply.replies.size() == 1);
  CHECK(get(etcd, key)->value == "then");
}

void an_empty_transaction_succeeds(const EtcdFixture& fixture) {
  const auto reply = commit(*fixture.etcd, {});
  CHECK(reply.succeeded);
  CHECK(reply.replies.empty());
  CHECK(reply.header.revision > 0);
}

void operations_see_the_earlier_ones(const EtcdFixture& fixture) {
  Etcd& etcd = *fixture.etcd;
  const auto& prefix = fixture.prefix;
  put(etcd, prefix + "old", "");
  const Txn txn{
      {},
      operations(count(prefix), PutRequest{prefix + "new", "n"}, count(prefix), read(prefix + "new"),
                 DeleteRequest{KeyRange::one(prefix + "old")}, count(prefix),
                 nested({{}, operations(read(prefix + "old"), PutRequest{prefix + "x", ""}), {}}), count(prefix)),
      {}};
  const auto reply = commit(etcd, txn);
  CHECK(range_reply(reply, 0).count == 1);
  CHECK(range_reply(reply, 2).count == 2);
  const auto& seen = range_reply(reply, 3).kvs;
  REQUIRE(seen.size() == 1);
  CHECK(seen[0] == KeyValue{prefix + "new", "n", reply.header.revision, reply.header.revision, 1, 0});
  CHECK(range_reply(reply, 5).count == 1);
  CHECK(txn_reply(reply, 6).succeeded);
  CHECK(range_reply(txn_reply(reply, 6), 0).count == 0);
  CHECK(range_reply(reply, 7).count == 2);
}

void a_range_inside_says_its_revision(const EtcdFixture& fixture) {
  const auto key = fixture.prefix + "a";
  const auto reply = commit(*fixture.etcd, {{}, operations(read(key), PutRequest{key, ""}, read(key)), {}});
  CHECK(range_reply(reply, 0).header.revision == reply.header.revision - 1);
  CHECK(range_reply(reply, 2).header.revision == reply.header.revision);
}

void branches_are_chosen_on_the_data_before(const EtcdFixture& fixture) {
  const auto key = fixture.prefix + "a";
  const auto reply =
      commit(*fixture.etcd,
             {{}, operations(PutRequest{key, ""}, nested({{Compare::absent(key)}, operations(read(key)), {}})), {}});
  CHECK(txn_reply(reply, 1).succeeded);
  CHECK(range_reply(txn_reply(reply, 1), 0).count == 1);
}

// If slot absent then put it, else the next one; at the very end, a ticket and a count.
Txn chain(const std::string& prefix, int slots, const std::string& owner) {
  Txn last{{}, operations(PutRequest{prefix + "queue/" + owner, owner}, count(prefix + "queue/")), {}};
  for (int slot = slots; slot >= 1; --slot) {
    const auto key = prefix + "slot/" + std::to_string(slot);
    Txn link{{Compare::absent(key)}, operations(PutRequest{key, owner}), {}};
    link.failure = operations(nested(std::move(last)));
    last = std::move(link);
  }
  return last;
}

// The slot that was taken; 0: none, a ticket was drawn.
int taken(const TxnReply& reply, int slots) {
  const TxnReply* link = &reply;
  for (int slot = 1; slot <= slots; ++slot) {
    if (link->succeeded) return slot;
    link = &txn_reply(*link, 0);
  }
  return 0;
}

void a_chain_takes_the_first_free(const EtcdFixture& fixture) {
  Etcd& etcd = *fixture.etcd;
  const auto slot = [&](int n) { return fixture.prefix + "slot/" + std::to_string(n); };
  put(etcd, slot(1), "other");
  put(etcd, slot(3), "other");
  const auto reply = commit(etcd, chain(fixture.prefix, 4, "me"));
  CHECK(taken(reply, 4) == 2);
  CHECK(get(etcd, slot(2))->mod_revision == reply.header.revision);
  CHECK_FALSE(get(etcd, slot(4)));
  CHECK(taken(commit(etcd, chain(fixture.prefix, 4, "you")), 4) == 4);
  for (const int rank : {1, 2}) {
    const auto queued = commit(etcd, chain(fixture.prefix, 4, "late" + std::to_string(rank)));
    REQUIRE(taken(queued, 4) == 0);
    const TxnReply* last = &queued;
    for (int i = 0; i < 4; ++i) last = &txn_reply(*last, 0);
    CHECK(range_reply(*last, 1).count == rank);
  }
}

void a_chain_may_be_twenty_deep(const EtcdFixture& fixture) {
  for (int slot = 1; slot <= 20; ++slot) {
    CHECK(taken(commit(*fixture.etcd, chain(fixture.prefix, 20, std::to_string(slot))), 20) == slot);
  }
}

void a_chain_never_gives_a_slot_twice(const EtcdFixture& fixture) {
  constexpr int kNodes = 16;
  std::atomic<int> failures{0};
  std::vector<int> slots(kNodes);
  {
    std::vector<std::jthread> nodes;
    for (int node = 0; node < kNodes; ++node) {
      nodes.emplace_back([&, node] {
        const auto reply = fixture.etcd->txn(chain(fixture.prefix, kNodes, std::to_string(node)), {});
        if (reply) {
          const TxnReply* link = &*reply;
          for (slots[node] = 1; !link->succeeded; ++slots[node]) {
            link = std::get<std::unique_ptr<TxnReply>>(link->replies.at(0)).get();
          }
        } else {
          ++failures;
        }
      });
    }
  }
  CHECK(failures == 0);
  CHECK(std::set<int>(slots.begin(), slots.end()).size() == kNodes);
  CHECK(*std::max_element(slots.begin(), slots.end()) == kNodes);
}

void a_transaction_is_one_revision(const EtcdFixture& fixture) {
  Etcd& etcd = *fixture.etcd;
  const auto& prefix = fixture.prefix;
  put(etcd, prefix + "gone", "");
  const auto reply =
      commit(etcd, {{},
                    operations(PutRequest{prefix + "a", ""}, DeleteRequest{KeyRange::one(prefix + "gone")},
                               nested({{}, operations(PutRequest{prefix + "b", ""}), {}})),
                    {}});
  CHECK(get(etcd, prefix + "a")->create_revision == reply.header.revision);
  CHECK(get(etcd, prefix + "b")->create_revision == reply.header.revision);
  const auto next = put(etcd, prefix + "c", "");
  CHECK(next > reply.header.revision);
  CHECK(get(etcd, prefix + "c")->create_revision == next);
}

// Seen at the revision of the next write; only an etcd of our own stands still meanwhile,
// so the smallest step of several tries counts.
void reading_and_deleting_nothing_is_no_revision(const EtcdFixture& fixture) {
  Etcd& etcd = *fixture.etcd;
  Revision smallest_step = 1000;
  for (int tries = 0; tries < 20 && smallest_step > 1; ++tries) {
    const auto before = put(etcd, fixture.prefix + "a", "");
    const auto reply = commit(
        etcd, {{}, operations(read(fixture.prefix + "a"), DeleteRequest{KeyRange::one(fixture.prefix + "none")}), {}});
    CHECK(reply.header.revision >= before);
    CHECK(delete_reply(reply, 1).deleted == 0);
    smallest_step = std::min(smallest_step, put(etcd, fixture.prefix + "a", "") - before);
  }
  CHECK(smallest_step == 1);
}

void a_key_is_put_once(const EtcdFixture& fixture) {
  Etcd& etcd = *fixture.etcd;
  const auto key = fixture.prefix + "a";
  const PutRequest once{key, ""};
  const DeleteRequest removal{KeyRange::prefix(fixture.prefix)};
  const auto in_both = [&] { return nested({{}, operations(once), operations(once)}); };
  CHECK(refusal(etcd, {{}, operations(once, once), {}}) == ErrorCode::kInvalidArgument);
  CHECK(refusal(etcd, {{}, {}, operations(once, once)}) == ErrorCode::kInvalidArgument);
  CHECK(refusal(etcd, {{}, operations(once, in_both()), {}}) == ErrorCode::kInvalidArgument);
  CHECK(refusal(etcd, {{}, operations(in_both(), in_both()), {}}) == ErrorCode::kInvalidArgument);
  CHECK(refusal(etcd, {{}, operations(once, removal), {}}) == ErrorCode::kInvalidArgument);
  CHECK(refusal(etcd, {{}, operations(removal, in_both()), {}}) == ErrorCode::kInvalidArgument);
  CHECK_FALSE(get(etcd, key));
  CHECK(etcd.txn({{}, operations(in_both()), operations(once)}, {}));
  CHECK(get(etcd, key)->version == 1);
}

std::vector<Operation> reads(const std::string& key, std::size_t count) {
  std::vector<Operation> list;
  for (std::size_t i = 0; i < count; ++i) list.emplace_back(read(key));
  return list;
}

void operations_are_counted_along_a_path(const EtcdFixture& fixture) {
  Etcd& etcd = *fixture.etcd;
  const auto key = fixture.prefix + "a";
  CHECK(etcd.txn({{}, reads(key, 128), reads(key, 128)}, {}));
  CHECK(refusal(etcd, {{}, reads(key, 129), {}}) == ErrorCode::kTooManyOperations);
  CHECK(refusal(etcd, {std::vector<Compare>(129, Compare::absent(key)), {}, {}}) == ErrorCode::kTooManyOperations);

  // Nested: the longest of compares, then and else is used up at each level.
  const auto two_levels = [&](std::size_t outer, std::size_t inner) {
    Txn txn{{}, reads(key, outer - 1), {}};
    txn.success.emplace_back(nested({{}, reads(key, inner), {}}));
    return txn;
  };
  CHECK(etcd.txn(two_levels(64, 64), {}));
  CHECK(refusal(etcd, two_levels(64, 65)) == ErrorCode::kTooManyOperations);
  Txn compared{std::vector<Compare>(100, Compare::absent(key)), operations(nested({{}, reads(key, 28), {}})), {}};
  CHECK(etcd.txn(compared, {}));
  compared.success = operations(nested({{}, reads(key, 29), {}}));
  CHECK(refusal(etcd, compared) == ErrorCode::kTooManyOperations);
  // Side by side they do not add up.
  CHECK(etcd.txn({{}, operations(nested({{}, reads(key, 126), {}}), nested({{}, reads(key, 126), {}})), {}}, {}));
}

void a_refused_one_changes_nothing(const EtcdFixture& fixture) {
  Etcd& etcd = *fixture.etcd;
  const auto key = fixture.prefix + "a";
  const PutRequest leased{fixture.prefix + "b", "", random_lease_id()};
  RangeRequest future = read(key);
  future.revision = put(etcd, fixture.prefix + "c", "") + 1'000'000;
  CHECK(refusal(etcd, {{}, operations(PutRequest{key, ""}, leased), {}}) == ErrorCode::kNotFound);
  CHECK(refusal(etcd, {{}, operations(PutRequest{key, ""}, nested({{}, operations(leased), {}})), {}}) ==
        ErrorCode::kNotFound);
  CHECK(refusal(etcd, {{}, operations(PutRequest{key, ""}, future), {}}) == ErrorCode::kInvalidArgument);
  CHECK(refusal(etcd, {{}, operations(PutRequest{key, ""}, PutRequest{}), {}}) == ErrorCode::kInvalidArgument);
  CHECK_FALSE(get(etcd, key));
  // What the branch that does not run would do is not looked at.
  CHECK(etcd.txn({{}, operations(PutRequest{key, ""}), operations(leased, future)}, {}));
}

}  // namespace

std::vector<ContractCase> txn_contract() {
  return {
      {"every target compares in every way", every_target_compares_in_every_way},
      {"an absent key compares as zero, and has no value", an_absent_key_is_zero_and_has_no_value},
      {"a range compares key by key", a_range_compares_key_by_key},
      {"all compares must hold", all_compares_must_hold},
      {"an empty transaction succeeds", an_empty_transaction_succeeds},
      {"operations see the earlier ones", operations_see_the_earlier_ones},
      {"a range inside a transaction says its revision", a_range_inside_says_its_revision},
      {"nested branches are chosen on the data from before", branches_are_chosen_on_the_data_before},
      {"a chain takes the first free slot", a_chain_takes_the_first_free},
      {"a chain may be twenty deep", a_chain_may_be_twenty_deep},
      {"a chain never gives a slot twice", a_chain_never_gives_a_slot_twice},
      {"a transaction is one revision", a_transaction_is_one_revision},
      {"reading, and deleting nothing, is no revision", reading_and_deleting_nothing_is_no_revision},
      {"a key is written once on a path", a_key_is_put_once},
      {"operations are counted along a path", operations_are_counted_along_a_path},
      {"a refused transaction changes nothing", a_refused_one_changes_nothing},
  };
}

}  // namespace idetcd::testing
