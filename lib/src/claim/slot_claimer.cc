#include <idetcd/slot_claimer.h>

#include "claim/claim_keeper.h"
#include "claim/claim_run.h"

namespace idetcd {
using namespace internal;  // the implementation

class Claim::Impl : public ClaimKeeper {
 public:
  using ClaimKeeper::ClaimKeeper;
};

SlotClaimer::SlotClaimer(std::shared_ptr<Etcd> etcd, PatternTemplate pattern, ClaimOptions options)
    : etcd_(std::move(etcd)), pattern_(std::move(pattern)), options_(std::move(options)) {}

Result<Claim> SlotClaimer::claim(const Record& record, std::stop_token stop) {
  ClaimRun run({.etcd = etcd_, .pattern = pattern_, .options = options_, .clock = &boot_clock()}, record,
               std::move(stop));
  auto slot = run.run();
  if (!slot) return std::move(slot).error();
  return Claim(std::make_unique<Claim::Impl>(std::move(*slot)));
}

Claim::Claim(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Claim::Claim(Claim&&) noexcept = default;

Claim& Claim::operator=(Claim&& other) noexcept {
  Claim former(std::move(*this));
  impl_ = std::move(other.impl_);
  return *this;
}

// A forked child has no keeper thread to join and nothing to give back: what it
// inherited is left as it is.
Claim::~Claim() {
  if (impl_ && impl_->forked()) (void)impl_.release();
}

SlotId Claim::slot() const noexcept {
  return impl_->slot().owned.slot;
}
const std::string& Claim::name() const noexcept {
  return impl_->slot().name;
}
const std::string& Claim::node_id() const noexcept {
  return impl_->slot().node_id;
}
LeaseId Claim::lease() const noexcept {
  return impl_->slot().session->id();
}
std::chrono::seconds Claim::ttl() const noexcept {
  return impl_->ttl();
}
Revision Claim::token() const noexcept {
  return impl_->slot().owned.token;
}
bool Claim::held() const noexcept {
  return impl_->held();
}
std::stop_token Claim::lost() const noexcept {
  return impl_->lost();
}
std::string Claim::loss_reason() const {
  return impl_->loss_reason();
}
Status Claim::update(const Record& record) {
  return impl_->update(record);
}
Status Claim::release() {
  return impl_->release(std::chrono::seconds(5));
}

}  // namespace idetcd
