#include "transport/unary.h"

#include <fmt/format.h>

#include <mutex>
#include <optional>

#include "base/semaphore.h"
#include "transport/failure.h"
#include "transport/scheme_probe.h"

namespace idetcd::internal::transport {
namespace {

constexpr std::chrono::milliseconds kMinTry{1000};
constexpr std::chrono::milliseconds kMaxProbe{1000};

class Completion {
 public:
  void set(grpc::Status status) {
    status_ = std::move(status);
    done_.post();
  }

  grpc::Status wait() {
    done_.wait();
    return std::move(status_);
  }

 private:
  Semaphore done_;
  grpc::Status status_;
};

grpc::Status try_once(const StartCall& start, Member& member, const std::string& token,
                      std::chrono::milliseconds timeout, const std::stop_token& stop) {
  grpc::ClientContext context;
  context.set_deadline(from_now(timeout));
  if (!token.empty()) context.AddMetadata("token", token);
  Completion completion;
  start(member, &context, [&](grpc::Status status) { completion.set(std::move(status)); });
  std::stop_callback cancel(stop, [&] { context.TryCancel(); });
  return completion.wait();
}

// A read leaves time for the others when a member hangs.
std::chrono::milliseconds time_for_try(Resend resend, std::chrono::milliseconds left, std::size_t members_left) {
  if (resend == Resend::kNever || members_left <= 1) return left;
  return std::min(left, std::max(left / 2, kMinTry));
}

Error cancelled() {
  return {ErrorCode::kCancelled, "stopped while waiting for etcd"};
}

Error crowded() {
  return {ErrorCode::kDeadlineExceeded, "too many calls to etcd at once: this one was not sent in time"};
}

// Prefer a transient error to a TLS error.
bool prefer(const Error& error, const std::optional<Error>& than) {
  return !than || than->code == ErrorCode::kUntrusted || error.code != ErrorCode::kUntrusted;
}

}  // namespace

Status Unary::call(const StartCall& start, Resend resend, const CallOptions& options) {
  const auto deadline = std::chrono::steady_clock::now() + options.timeout;
  const auto pass = admission_.enter(deadline, options.stop);
  if (!pass) return options.stop.stop_requested() ? cancelled() : crowded();
  bool token_renewed = false;
  std::optional<Error> reported;
  for (auto members_left = channels_.size();;) {
    if (options.stop.stop_requested()) return cancelled();
    const auto token = authenticator_.token(deadline, options.stop);
    if (!token) return token.error();
    auto& member = channels_.current();
    const auto timeout = time_for_try(resend, time_left(deadline), members_left);
    const auto status = try_once(start, member, *token, timeout, options.stop);
    if (status.ok()) return {};
    if (options.stop.stop_requested()) return cancelled();

    if (authenticator_.enabled() && refuses_token(status) && !token_renewed) {
      authenticator_.forget(*token);
      token_renewed = true;
      continue;
    }
    auto error = explain(status, member, deadline);
    if (!blames_member(error.code)) return error;
    channels_.leave(member);
    if (prefer(error, reported)) reported = std::move(error);
    const bool again = resend == Resend::kAlways || never_sent(status);
    if (!again || --members_left == 0 || time_left(deadline).count() == 0) return *reported;
  }
}

Error Unary::explain(const grpc::Status& status, Member& member, Deadline deadline) {
  auto error = to_error(status, member.endpoint);
  if (!closed_while_connecting(status)) return error;
  const std::unique_lock alone(probing_, std::try_to_lock);
  if (!alone) return error;
  if (!speaks_other_scheme(member.endpoint, channels_.tls(), std::min(time_left(deadline), kMaxProbe))) return error;
  return {ErrorCode::kUntrusted,
          fmt::format("etcd at {}: {}", member.endpoint.url,
                      channels_.tls() ? "it speaks plain HTTP; write http://, or configure TLS in etcd"
                                      : "it speaks TLS; write https://")};
}

}  // namespace idetcd::internal::transport
