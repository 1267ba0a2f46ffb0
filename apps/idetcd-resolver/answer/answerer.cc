#include "answer/answerer.h"

#include <vector>

#include "answer/answer.h"

namespace idetcd::resolver {

class Answerer::View::Impl {
 public:
  Impl(const Answerer& answerer, std::size_t max_batch)
      : policy_(answerer.policy_), reader_(answerer.zones_), zones_(&reader_.current()), requests_(max_batch) {}

  void refresh() { zones_ = &reader_.current(); }

  void answer(std::span<Exchange> batch) noexcept {
    const ZoneSet& zones = *zones_;
    for (std::size_t i = 0; i < batch.size(); ++i) read(zones, batch[i].request, requests_[i]);
    for (int step = 0; step < kFetchSteps; ++step)
      for (std::size_t i = 0; i < batch.size(); ++i) fetch(zones, requests_[i], step);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      Exchange& exchange = batch[i];
      exchange.reply = resolver::answer(zones, policy_, exchange.context, exchange.request, requests_[i], exchange.out);
    }
  }

 private:
  const AnswerPolicy& policy_;
  Snapshot<ZoneSet>::Reader reader_;
  const ZoneSet* zones_;               // reader_'s, as of the last refresh()
  std::vector<ReadRequest> requests_;  // of the batch being answered
};

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
