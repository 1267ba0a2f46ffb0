#include "answer/answerer.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <utility>
#include <vector>

#include "answer/answer.h"
#include "answer/query_tap.h"

namespace idetcd::resolver {
namespace {

constexpr std::size_t kNoBlock = ~std::size_t{0};

std::vector<AnswerBlock> one_block(const Snapshot<ZoneSet>& records, AnswerPolicy policy) {
  std::vector<AnswerBlock> blocks;
  blocks.push_back({{Bytes{std::byte{0}}}, &records, std::move(policy)});
  return blocks;
}

}  // namespace

class Answerer::View::Impl {
 public:
  Impl(const Answerer& answerer, std::size_t max_batch)
      : source_(answerer.current_), newest_(source_), requests_(max_batch), targets_(max_batch) {
    take_up(source_.load());
  }

  void refresh() {
    if (&newest_.current() != taken_.get()) take_up(source_.load());
    for (Block& block : blocks_) block.zones = &block.reader.current();
  }

  void answer(std::span<Exchange> batch) noexcept {
    if (!logs_) return answer_all(batch);
    const auto start = std::chrono::steady_clock::now();
    answer_all(batch);
    const auto duration = std::chrono::steady_clock::now() - start;
    for (std::size_t i = 0; i < batch.size(); ++i) note(batch[i], requests_[i], targets_[i], duration);
  }

 private:
  // What was taken up before is let go of last: readers of its records are among `blocks_`.
  void take_up(std::shared_ptr<const Blocks> blocks) {
    blocks_.clear();
    logs_ = false;
    taken_ = std::move(blocks);
    for (const AnswerBlock& block : taken_->blocks) logs_ = blocks_.emplace_back(block).ring != nullptr || logs_;
  }

  void answer_all(std::span<Exchange> batch) noexcept {
    if (taken_->routes.empty())
      answer_of_one(batch);
    else
      answer_of_many(batch);
  }

  void note(const Exchange& exchange, const ReadRequest& request, std::size_t target,
            std::chrono::nanoseconds duration) noexcept {
    if (target == kNoBlock || blocks_[target].ring == nullptr || exchange.reply.forwarder != nullptr) return;
    const Block& block = blocks_[target];
    // Of a query that is not answered, nothing was written over the request.
    const auto bytes = exchange.reply.size != 0 ? std::span<const std::byte>(exchange.out) : exchange.request;
    block.policy.tap->note(*block.ring, exchange.context, exchange.request.size(), request, exchange.reply, bytes,
                           duration);
  }

  struct Block {
    explicit Block(const AnswerBlock& from)
        : policy(from.policy),
          reader(*from.records),
          zones(&reader.current()),
          ring(policy.tap ? &policy.tap->add_ring() : nullptr) {}

    const AnswerPolicy& policy;
    Snapshot<ZoneSet>::Reader reader;
    const ZoneSet* zones;  // reader's, as of the last refresh()
    QueryRing* ring;       // null: its queries are not logged
  };

  void answer_of_one(std::span<Exchange> batch) noexcept {
    const AnswerPolicy& policy = blocks_.front().policy;
    const ZoneSet& zones = *blocks_.front().zones;
    for (std::size_t i = 0; i < batch.size(); ++i) read(zones, batch[i].request, requests_[i]);
    for (int step = 0; step < kFetchSteps; ++step)
      for (std::size_t i = 0; i < batch.size(); ++i) fetch(zones, requests_[i], step);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      Exchange& exchange = batch[i];
      exchange.reply = resolver::answer(zones, policy, exchange.context, exchange.request, requests_[i], exchange.out);
    }
  }

  void answer_of_many(std::span<Exchange> batch) noexcept {
    for (std::size_t i = 0; i < batch.size(); ++i) {
      read(*blocks_.front().zones, batch[i].request, requests_[i]);
      targets_[i] = route(requests_[i]);
    }
    for (int step = 0; step < kFetchSteps; ++step) {
      for (std::size_t i = 0; i < batch.size(); ++i)
        if (targets_[i] != kNoBlock) fetch(*blocks_[targets_[i]].zones, requests_[i], step);
    }
    for (std::size_t i = 0; i < batch.size(); ++i) answer_routed(batch[i], requests_[i], targets_[i]);
  }

  // The block that the name is of. Each has a table, and so a seed of the hash, of its own.
  std::size_t route(ReadRequest& request) const noexcept {
    if (request.verdict != Verdict::kQuestion) return 0;
    const WireName name = request.question.wire_name();
    const auto& routes = taken_->routes;
    const auto found = std::ranges::find_if(routes, [&](const Route& each) { return lies_in(name, each.zone); });
    if (found == routes.end()) return kNoBlock;
    if (found->block != 0) request.question.hash = hash_name(name, blocks_[found->block].zones->names().seed());
    return found->block;
  }

  void answer_routed(Exchange& exchange, const ReadRequest& request, std::size_t target) noexcept {
    if (target == kNoBlock) {
      exchange.reply = refuse(blocks_.front().policy, exchange.context, exchange.request, request, exchange.out);
      return;
    }
    const Block& block = blocks_[target];
    exchange.reply =
        resolver::answer(*block.zones, block.policy, exchange.context, exchange.request, request, exchange.out);
  }

  const Snapshot<Blocks>& source_;
  Snapshot<Blocks>::Reader newest_;
  std::shared_ptr<const Blocks> taken_;
  std::deque<Block> blocks_;
  std::vector<ReadRequest> requests_;  // of the batch being answered
  std::vector<std::size_t> targets_;   // the block of each; all 0 without routes
  bool logs_ = false;                  // whether any block does
};

Answerer::Answerer(const Snapshot<ZoneSet>& records, AnswerPolicy policy)
    : Answerer(one_block(records, std::move(policy))) {}

Answerer::Answerer(std::vector<AnswerBlock> blocks) : current_(std::make_shared<const Blocks>(std::move(blocks))) {}

void Answerer::replace(std::vector<AnswerBlock> blocks) {
  current_.publish(std::make_shared<const Blocks>(std::move(blocks)));
}

Answerer::Blocks::Blocks(std::vector<AnswerBlock> all)
    : blocks(std::move(all)), routes([this] {
        std::vector<Route> found;
        for (std::size_t block = 0; block < blocks.size(); ++block)
          for (const Bytes& zone : blocks[block].zones) found.push_back({zone, block});
        std::ranges::stable_sort(
            found, [](const Route& left, const Route& right) { return left.zone.size() > right.zone.size(); });
        const bool one_for_all = blocks.size() == 1 && found.back().zone.size() == 1;
        return one_for_all ? std::vector<Route>() : found;
      }()) {}

Answerer::View::View(const Answerer& answerer, std::size_t max_batch)
    : impl_(std::make_unique<Impl>(answerer, max_batch)) {}
Answerer::View::~View() = default;

void Answerer::View::refresh() {
  impl_->refresh();
}
void Answerer::View::answer(std::span<Exchange> batch) noexcept {
  impl_->answer(batch);
}

}  // namespace idetcd::resolver
