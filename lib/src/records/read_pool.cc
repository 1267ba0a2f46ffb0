#include <idetcd/pool.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/mailbox.h"
#include "model/node_entry.h"
#include "model/pool_keys.h"
#include "records/listing.h"

#include <algorithm>
#include <charconv>

namespace idetcd {
using namespace internal;  // the implementation
namespace {

using namespace std::chrono_literals;

constexpr int kMaxTries = 8;  // of a reading that compactions overtake

PoolName to_name(SlotId slot, const KeyValue& kv, const PatternTemplate& pattern) {
  PoolName name{.slot = slot,
                .name = std::string(pattern.render(slot)),
                .token = kv.mod_revision,
                .mod_revision = kv.mod_revision,
                .lease = kv.lease};
  auto record = parse_record(kv.value);
  if (!record) {
    name.malformed = std::move(record).error().message;
    return name;
  }
  name.record = std::move(*record);
  if (name.record.token != 0) name.token = name.record.token;
  return name;
}

SlotId limit_of(const KeyValue& ticket) {
  const char* const end = ticket.value.data() + ticket.value.size();
  SlotId limit = 0;
  const auto [stop, error] = std::from_chars(ticket.value.data(), end, limit);
  return error == std::errc{} && stop == end ? limit : 0;
}

PoolNode to_node(std::string_view node_id, const KeyValue& kv) {
  PoolNode node{.node_id = std::string(node_id), .token = kv.mod_revision, .lease = kv.lease};
  if (auto entry = parse_node_entry(kv.value)) {
    node.slot = entry->slot;
    node.address = std::move(entry->address);
  }
  return node;
}

// The pool's bookkeeping, key by key.
class Bookkeeping {
 public:
  Bookkeeping(const PoolKeys& keys, PoolState& state) : keys_(keys), state_(state) {}

  void add(KeyValue& kv) {
    if (const auto waiting = keys_.node_of_ticket(kv.key)) {
      tickets_.push_back(
          {kv.create_revision, {.node_id = std::string(*waiting), .limit = limit_of(kv), .lease = kv.lease}});
    } else if (const auto node = keys_.node_of_member(kv.key)) {
      state_.nodes.push_back(to_node(*node, kv));
    } else if (const auto slot = keys_.slot_of_hold(kv.key)) {
      state_.holds.push_back({*slot, std::move(kv.value), kv.lease});
    }
  }

  void finish() {
    std::ranges::sort(tickets_, {}, &Waiting::since);
    for (Waiting& waiting : tickets_) {
      waiting.ticket.position = state_.queue.size() + 1;
      state_.queue.push_back(std::move(waiting.ticket));
    }
    std::ranges::sort(state_.holds, {}, &PoolHold::slot);
  }

 private:
  struct Waiting {
    Revision since;  // the order of the queue
    PoolTicket ticket;
  };

  const PoolKeys& keys_;
  PoolState& state_;
  std::vector<Waiting> tickets_;
};

Result<PoolState> read_once(Etcd& etcd, const PatternTemplate& pattern, const PoolKeys& keys,
                            const CallOptions& options) {
  PoolState state;
  const auto add_name = [&](KeyValue& kv) {
    const auto name = keys.record_name(kv.key);
    const auto slot = name ? pattern.match(*name) : std::nullopt;
    if (slot) state.names.push_back(to_name(*slot, kv, pattern));
  };
  const auto header = visit_keys(etcd, keys.records(), 0, options, add_name);
  if (!header) return header.error();
  state.revision = header->revision;
  std::ranges::sort(state.names, {}, &PoolName::slot);

  Bookkeeping bookkeeping(keys, state);
  const auto add_key = [&](KeyValue& kv) { bookkeeping.add(kv); };
  if (auto read = visit_keys(etcd, keys.members(), state.revision, options, add_key); !read) return read.error();
  bookkeeping.finish();
  return state;
}

}  // namespace

Result<PoolState> read_pool(Etcd& etcd, const PatternTemplate& pattern, std::string_view path,
                            const CallOptions& options) {
  const PoolKeys keys(path, pattern);
  Backoff backoff(50ms, 2s, random_seed());
  const Clock& clock = boot_clock();
  Mailbox<int> pause(clock);  // a sleep that a stop request ends
  for (int tries = 1;; ++tries) {
    auto state = read_once(etcd, pattern, keys, options);
    if (state) return state;
    if (state.error().code != ErrorCode::kCompacted || tries == kMaxTries) return explained(state.error(), keys);
    pause.take(clock.now() + backoff.next(), options.stop);
  }
}

std::vector<KeyRange> pool_keys(const PatternTemplate& pattern, std::string_view path) {
  return PoolKeys(path, pattern).all();
}

}  // namespace idetcd
