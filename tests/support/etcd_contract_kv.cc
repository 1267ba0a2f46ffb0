// Reading, deadlines and cancellation.
#include "support/etcd_contract.h"
#include "support/etcd_steps.h"

#include <catch2/catch.hpp>

#include <stop_token>
#include <thread>

namespace idetcd::testing {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

std::vector<std::string> names(const RangeReply& reply, const EtcdFixture& fixture) {
  std::vector<std::string> names;
  for (const KeyValue& kv : reply.kvs) names.push_back(kv.key.substr(fixture.prefix.size()));
  return names;
}

using Names = std::vector<std::string>;

RangeRequest all_of(const EtcdFixture& fixture) {
  RangeRequest request;
  request.keys = KeyRange::prefix(fixture.prefix);
  return request;
}

ErrorCode refusal(const EtcdFixture& fixture, const RangeRequest& request) {
  const auto reply = fixture.etcd->range(request, {});
  REQUIRE_FALSE(reply);
  return reply.error().code;
}

void a_key_carries_its_history(const EtcdFixture& fixture) {
  Etcd& etcd = *fixture.etcd;
  const auto key = fixture.prefix + "a";
  CHECK_FALSE(get(etcd, key));
  const auto created = put(etcd, key, "one");
  CHECK(get(etcd, key) == KeyValue{key, "one", created, created, 1, 0});
  const auto modified = put(etcd, key, "two");
  CHECK(modified > created);
  CHECK(get(etcd, key) == KeyValue{key, "two", created, modified, 2, 0});
  const auto erased = erase(etcd, KeyRange::one(key));
  CHECK(erased > modified);
  CHECK_FALSE(get(etcd, key));
  const auto again = put(etcd, key, "");
  CHECK(get(etcd, key) == KeyValue{key, "", again, again, 1, 0});
}

void ranges_are_half_open_and_in_byte_order(const EtcdFixture& fixture) {
  Etcd& etcd = *fixture.etcd;
  for (const char* name : {"b", "a", "c", "a\x7f", "aa", "\xff", "B"}) put(etcd, fixture.prefix + name, name);
  CHECK(names(list(etcd, KeyRange::prefix(fixture.prefix)), fixture) ==
        Names{"B", "a", "aa", "a\x7f", "b", "c", "\xff"});
  CHECK(names(list(etcd, KeyRange::prefix(fixture.prefix + "a")), fixture) == Names{"a", "aa", "a\x7f"});
  CHECK(names(list(etcd, {fixture.prefix + "a", fixture.prefix + "b"}), fixture) == Names{"a", "aa", "a\x7f"});
  CHECK(names(list(etcd, {fixture.prefix + "aa", fixture.prefix + "c"}), fixture) == Names{"aa", "a\x7f", "b"});
  CHECK(names(list(etcd, KeyRange::one(fixture.prefix + "a")), fixture) == Names{"a"});
  CHECK(list(etcd, {fixture.prefix + "c", fixture.prefix + "a"}).kvs.empty());
}

void keys_and_values_are_bytes(const EtcdFixture& fixture) {
  const std::string bytes{"\0\xff\xfe\n\0x", 6};
  put(*fixture.etcd, fixture.prefix + bytes, bytes);
  const auto kv = get(*fixture.etcd, fixture.prefix + bytes);
  REQUIRE(kv);
  CHECK(kv->value == bytes);
  CHECK(list(*fixture.etcd, KeyRange::prefix(fixture.prefix + std::string("\0\xff", 2))).count == 1);
}

void limit_count_and_keys_only(const EtcdFixture& fixture) {
  Etcd& etcd = *fixture.etcd;
  for (const char* name : {"d", "b", "c", "a"}) put(etcd, fixture.prefix + name, "value");
  auto request = all_of(fixture);
  request.limit = 2;
  auto reply = etcd.range(request, {});
  REQUIRE(reply);
  CHECK(names(*reply, fixture) == Names{"a", "b"});
  CHECK(reply->more);
  CHECK(reply->count == 4);

  request.limit = 4;
  reply = etcd.range(request, {});
  REQUIRE(reply);
  CHECK(reply->kvs.size() == 4);
  CHECK_FALSE(reply->more);

  request = all_of(fixture);
  request.count_only = true;
  reply = etcd.range(request, {});
  REQUIRE(reply);
  CHECK(reply->count == 4);
  CHECK(reply->kvs.empty());

  request = all_of(fixture);
  request.keys_only = true;
  reply = etcd.range(request, {});
  REQUIRE(reply);
  REQUIRE(reply->kvs.size() == 4);
  CHECK(reply->kvs[0].value.empty());
  CHECK(reply->kvs[0].create_revision > 0);
  CHECK(reply->kvs[0].version == 1);
}

void sorted_by_creation(const EtcdFixture& fixture) {
  Etcd& etcd = *fixture.etcd;
  for (const char* name : {"d", "b", "c", "a"}) put(etcd, fixture.prefix + name, "");
  put(etcd, fixture.prefix + "d", "later");
  auto request = all_of(fixture);
  request.sort = SortBy::kCreateRevision;
  auto reply = etcd.range(request, {});
  REQUIRE(reply);
  CHECK(names(*reply, fixture) == Names{"d", "b", "c", "a"});
  request.limit = 2;
  reply = etcd.range(request, {});
  REQUIRE(reply);
  CHECK(names(*reply, fixture) == Names{"d", "b"});
  CHECK(reply->more);
  CHECK(reply->count == 4);
}

void the_past_can_be_read(const EtcdFixture& fixture) {
  Etcd& etcd = *fixture.etcd;
  put(etcd, fixture.prefix + "a", "1");
  const auto then = put(etcd, fixture.prefix + "b", "1");
  put(etcd, fixture.prefix + "a", "2");
  erase(etcd, KeyRange::one(fixture.prefix + "b"));
  const auto now = put(etcd, fixture.prefix + "c", "1");
  auto request = all_of(fixture);
  request.revision = then;
  const auto reply = etcd.range(request, {});
  REQUIRE(reply);
  CHECK(names(*reply, fixture) == Names{"a", "b"});
  CHECK(reply->kvs[0].value == "1");
  CHECK(reply->count == 2);
  CHECK(reply->header.revision >= now);

  request.revision = now + 1'000'000;
  CHECK(refusal(fixture, request) == ErrorCode::kInvalidArgument);
}

void the_compacted_past_can_not(const EtcdFixture& fixture) {
  if (!fixture.compact) return;
  Etcd& etcd = *fixture.etcd;
  const auto first = put(etcd, fixture.prefix + "a", "1");
  put(etcd, fixture.prefix + "b", "1");
  erase(etcd, KeyRange::one(fixture.prefix + "b"));
  const auto second = put(etcd, fixture.prefix + "a", "2");
  put(etcd, fixture.prefix + "a", "3");
  fixture.compact(second);
  auto request = all_of(fixture);
  request.revision = first;
  CHECK(refusal(fixture, request) == ErrorCode::kCompacted);
  request.revision = second;
  const auto reply = etcd.range(request, {});
  REQUIRE(reply);
  REQUIRE(names(*reply, fixture) == Names{"a"});
  CHECK(reply->kvs[0].value == "2");
  CHECK(reply->kvs[0].create_revision == first);
  CHECK(get(etcd, fixture.prefix + "a")->version == 3);
}

void a_header_says_who_and_when(const EtcdFixture& fixture) {
  const auto written = put(*fixture.etcd, fixture.prefix + "a", "");
  const auto first = list(*fixture.etcd, KeyRange::one(fixture.prefix + "a")).header;
  const auto second = list(*fixture.etcd, KeyRange::one(fixture.prefix + "b")).header;
  CHECK(first.cluster_id != 0);
  CHECK(first.member_id != 0);
  CHECK(first.raft_term != 0);
  CHECK(first.revision >= written);
  CHECK(second.cluster_id == first.cluster_id);
  CHECK(second.revision >= first.revision);
}

void a_range_needs_a_key(const EtcdFixture& fixture) {
  CHECK(refusal(fixture, RangeRequest{}) == ErrorCode::kInvalidArgument);
}

void a_stop_request_is_an_answer(const EtcdFixture& fixture) {
  std::stop_source source;
  source.request_stop();
  CallOptions options;
  options.stop = source.get_token();
  Etcd& etcd = *fixture.etcd;
  const auto range = etcd.range(all_of(fixture), options);
  REQUIRE_FALSE(range);
  CHECK(range.error().code == ErrorCode::kCancelled);
  const auto txn = etcd.txn({}, options);
  REQUIRE_FALSE(txn);
  CHECK(txn.error().code == ErrorCode::kCancelled);
  const auto granted = etcd.lease_grant(random_lease_id(), 10s, options);
  REQUIRE_FALSE(granted);
  CHECK(granted.error().code == ErrorCode::kCancelled);
  const auto revoked = etcd.lease_revoke(random_lease_id(), options);
  REQUIRE_FALSE(revoked);
  CHECK(revoked.error().code == ErrorCode::kCancelled);
}

void a_call_ends_at_its_deadline(const EtcdFixture& fixture) {
  if (!fixture.fall_silent) return;
  fixture.fall_silent();
  const auto before = Clock::now();
  CallOptions options;
  options.timeout = 200ms;
  const auto reply = fixture.etcd->range(all_of(fixture), options);
  const auto took = Clock::now() - before;
  fixture.answer_again();
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code == ErrorCode::kDeadlineExceeded);
  CHECK(took >= 150ms);
  CHECK(fixture.etcd->range(all_of(fixture), {}));
}

void a_stop_request_ends_a_call(const EtcdFixture& fixture) {
  if (!fixture.fall_silent) return;
  fixture.fall_silent();
  std::stop_source source;
  CallOptions options;
  options.timeout = 60s;
  options.stop = source.get_token();
  const auto before = Clock::now();
  std::jthread stopper([&source] {
    std::this_thread::sleep_for(50ms);  // nothing tells that the call is under way: most often it is by then
    source.request_stop();
  });
  const auto reply = fixture.etcd->range(all_of(fixture), options);
  const auto took = Clock::now() - before;
  fixture.answer_again();
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code == ErrorCode::kCancelled);
  CHECK(took < options.timeout / 2);
}

}  // namespace

std::vector<ContractCase> kv_contract() {
  return {
      {"a key carries its revisions and its version", a_key_carries_its_history},
      {"ranges are half open and in byte order", ranges_are_half_open_and_in_byte_order},
      {"keys and values are bytes", keys_and_values_are_bytes},
      {"limit, count only, keys only", limit_count_and_keys_only},
      {"sorted by creation", sorted_by_creation},
      {"the past can be read, the future can not", the_past_can_be_read},
      {"the compacted past can not be read", the_compacted_past_can_not},
      {"a header says who answered and how new", a_header_says_who_and_when},
      {"a range needs a key", a_range_needs_a_key},
      {"a stop request that is there already is an answer", a_stop_request_is_an_answer},
      {"a call ends at its deadline", a_call_ends_at_its_deadline},
      {"a stop request ends a call", a_stop_request_ends_a_call},
  };
}

}  // namespace idetcd::testing
