#include <idetcd/slot_claimer.h>

#include "claim/claim_keeper.h"
#include "claim/claim_run.h"

namespace idetcd {
using namespace internal;  // the implementation
namespace {

using namespace std::chrono_literals;

constexpr auto kReleasePatience = 5s;
constexpr auto kDestroyPatience = 2s;

const std::string kNothing;

}  // namespace

class Claim::Impl {
 public:
  explicit Impl(std::shared_ptr<ClaimKeeper> kept) : keeper(std::move(kept)) {}
  ~Impl() { (void)keeper->release(keeper->slot().clock->now() + kDestroyPatience); }

  const std::shared_ptr<ClaimKeeper> keeper;
};

SlotClaimer::SlotClaimer(std::shared_ptr<Etcd> etcd, PatternTemplate pattern, ClaimOptions options)
    : etcd_(std::move(etcd)), pattern_(std::move(pattern)), options_(std::move(options)) {}

Result<Claim> SlotClaimer::claim(const Record& record, std::stop_token stop) {
  ClaimRun run({.etcd = etcd_, .pattern = pattern_, .options = options_, .clock = &boot_clock()}, record,
               std::move(stop));
  auto slot = run.run();
  if (!slot) return std::move(slot).error();
  auto keeper = ClaimKeeper::start(std::move(*slot));
  if (!keeper) return std::move(keeper).error();
  return Claim(std::make_unique<Claim::Impl>(std::move(*keeper)));
}

Claim::Claim(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Claim::Claim(Claim&&) noexcept = default;

Claim& Claim::operator=(Claim&& other) noexcept {
  Claim former(std::move(*this));
  impl_ = std::move(other.impl_);
  return *this;
}

// A forked child has no keeper thread to wait for and nothing to give back: what it
// inherited is left as it is.
Claim::~Claim() {
  if (impl_ && impl_->keeper->forked()) (void)impl_.release();
}

SlotId Claim::slot() const noexcept {
  return impl_ ? impl_->keeper->slot().owned.slot : 0;
}
const std::string& Claim::name() const noexcept {
  return impl_ ? impl_->keeper->slot().name : kNothing;
}
const std::string& Claim::node_id() const noexcept {
  return impl_ ? impl_->keeper->slot().node_id : kNothing;
}
LeaseId Claim::lease() const noexcept {
  return impl_ ? impl_->keeper->lease() : 0;
}
std::chrono::seconds Claim::ttl() const noexcept {
  return impl_ ? impl_->keeper->ttl() : 0s;
}
Revision Claim::token() const noexcept {
  return impl_ ? impl_->keeper->slot().owned.token : 0;
}
bool Claim::held() const noexcept {
  return impl_ && impl_->keeper->held();
}

std::chrono::nanoseconds Claim::trusted_until() const noexcept {
  return impl_ && impl_->keeper->held() ? impl_->keeper->trusted_until() : 0ns;
}

std::stop_token Claim::lost() const noexcept {
  if (impl_) return impl_->keeper->lost();
  std::stop_source stopped;
  stopped.request_stop();
  return stopped.get_token();
}

std::string Claim::loss_reason() const {
  return impl_ ? impl_->keeper->loss_reason() : "this Claim was moved from";
}

Status Claim::update(const Record& record) {
  if (!impl_) return Error{ErrorCode::kLost, loss_reason()};
  return impl_->keeper->update(record);
}

Status Claim::release() {
  if (!impl_) return Error{ErrorCode::kLost, loss_reason()};
  const auto keeper = impl_->keeper;  // what waits for lost() may destroy this
  return keeper->release(keeper->slot().clock->now() + kReleasePatience);
}

}  // namespace idetcd
