#include <idetcd/registration.h>

#include "claim/registration_run.h"

#include <new>
#include <utility>

namespace idetcd {
using namespace internal;  // the implementation
namespace {

using namespace std::chrono_literals;

constexpr auto kReleasePatience = 5s;
constexpr auto kDestroyPatience = 2s;

}  // namespace

Result<Registration> Registration::start(std::shared_ptr<Etcd> etcd, PatternTemplate pattern,
                                         RegistrationOptions options, Record record) {
  auto impl =
      RegistrationRun::start(std::move(etcd), std::move(pattern), std::move(options), std::move(record), boot_clock());
  if (!impl) return std::move(impl).error();
  return Registration(std::move(*impl));
}

Registration::Registration(std::shared_ptr<RegistrationRun> impl) : impl_(std::move(impl)) {}
Registration::Registration(Registration&&) noexcept = default;

Registration& Registration::operator=(Registration&& other) noexcept {
  if (this == &other) return *this;
  end();
  impl_ = std::move(other.impl_);
  return *this;
}

Registration::~Registration() {
  end();
}

// A forked child has no thread to wait for and nothing to give back: what it inherited
// is left as it is.
void Registration::end() noexcept {
  if (!impl_) return;
  if (impl_->forked()) {
    (void)new (std::nothrow) std::shared_ptr<RegistrationRun>(std::move(impl_));
    return;
  }
  const auto impl = std::move(impl_);
  (void)impl->release(kDestroyPatience);
}

bool Registration::held() const noexcept {
  return impl_ && impl_->held();
}
std::optional<Ownership> Registration::ownership() const {
  return impl_ ? impl_->ownership() : std::nullopt;
}
Status Registration::update(const Record& record) {
  return impl_ ? impl_->update(record) : Status(registration_ended());
}
void Registration::leave() {
  if (impl_) impl_->leave();
}
Status Registration::release() {
  return impl_ ? impl_->release(kReleasePatience) : Status(registration_ended());
}

}  // namespace idetcd
