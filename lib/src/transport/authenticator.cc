#include "transport/authenticator.h"

#include <fmt/format.h>
#include <grpcpp/client_context.h>

#include <utility>

#include "transport/failure.h"
#include "transport/method.h"

namespace idetcd::internal::transport {

// One round of asking: each member at most once, until one answers.
struct Authenticator::Attempt {
  explicit Attempt(LiveCalls& calls) : ticket(calls) {}

  const LiveCalls::Ticket ticket;
  pb::AuthenticateRequest request;
  pb::AuthenticateResponse reply;
  std::unique_ptr<grpc::ClientContext> context;  // a fresh one for each member
  Member* member = nullptr;
  std::size_t tries = 0;
};

namespace {

Error closed_error() {
  return {ErrorCode::kCancelled, "the connection to etcd is being closed"};
}

}  // namespace

Authenticator::Authenticator(Channels& channels, const EtcdOptions& options)
    : channels_(channels), user_(options.user), password_(options.password), timeout_(options.connect_timeout) {}

Result<std::string> Authenticator::token(Deadline deadline, const std::stop_token& stop) {
  if (!enabled()) return std::string();
  std::unique_lock lock(mutex_);
  while (!token_) {
    if (closed_) return closed_error();
    const auto round = rounds_;
    if (auto attempt = join_round()) {
      lock.unlock();
      send(attempt);
      lock.lock();
    }
    if (!changed_.wait_until(lock, stop, deadline, [&] { return rounds_ != round; })) {
      if (stop.stop_requested()) return Error{ErrorCode::kCancelled, "stopped while signing in to etcd"};
      return Error{ErrorCode::kDeadlineExceeded, fmt::format("etcd at {} did not sign in user \"{}\" in time",
                                                             channels_.current().endpoint.url, user_)};
    }
    if (last_error_) return *last_error_;
  }
  return *token_;
}

void Authenticator::with_token(TokenCallback done) {
  if (!enabled()) return done(std::string());
  std::unique_lock lock(mutex_);
  if (!token_ && !closed_) {
    waiting_.push_back(std::move(done));
    auto attempt = join_round();
    lock.unlock();
    if (attempt) send(attempt);
    return;
  }
  Result<std::string> answer = token_ ? Result<std::string>(*token_) : Result<std::string>(closed_error());
  lock.unlock();
  done(std::move(answer));
}

void Authenticator::forget(const std::string& token) {
  std::lock_guard lock(mutex_);
  if (token_ == token) token_.reset();
}

void Authenticator::shutdown() {
  std::unique_lock lock(mutex_);
  closed_ = true;
  token_.reset();
  if (attempt_) attempt_->context->TryCancel();
  changed_.wait(lock, [&] { return attempt_ == nullptr && calling_back_ == 0; });
}

std::shared_ptr<Authenticator::Attempt> Authenticator::join_round() {
  if (attempt_) return nullptr;
  attempt_ = std::make_shared<Attempt>(channels_.calls());
  attempt_->request.set_name(user_);
  attempt_->request.set_password(password_);
  retarget(*attempt_);
  return attempt_;
}

void Authenticator::retarget(Attempt& attempt) {
  attempt.member = &channels_.current();
  attempt.context = std::make_unique<grpc::ClientContext>();
  attempt.context->set_deadline(from_now(timeout_));
  ++attempt.tries;
}

void Authenticator::send(const std::shared_ptr<Attempt>& attempt) {
  kAuthenticate.call(attempt->member->channel, attempt->context.get(), &attempt->request, &attempt->reply,
                     [this, attempt](const grpc::Status& status) { finish(attempt, status); });
}

void Authenticator::finish(const std::shared_ptr<Attempt>& attempt, const grpc::Status& status) {
  const bool auth_is_off = status.error_message().find("authentication is not enabled") != std::string::npos;
  std::unique_lock lock(mutex_);
  if (closed_) {
    last_error_ = closed_error();
  } else if (status.ok() || auth_is_off) {
    token_ = status.ok() ? std::move(*attempt->reply.mutable_token()) : std::string();
    last_error_.reset();
  } else {
    last_error_ = error_of(status, attempt->member->endpoint);
    if (blames_member(last_error_->code)) {
      lock.unlock();  // whoever is told of it has locks of its own
      channels_.leave(*attempt->member);
      lock.lock();
      if (!closed_ && attempt->tries < channels_.size()) {
        retarget(*attempt);
        lock.unlock();
        return send(attempt);
      }
    }
  }
  const auto answer = token_ ? Result<std::string>(*token_) : Result<std::string>(*last_error_);
  const auto waiting = std::exchange(waiting_, {});
  attempt_.reset();
  ++rounds_;
  ++calling_back_;
  lock.unlock();
  for (const auto& done : waiting) done(answer);
  lock.lock();
  --calling_back_;
  changed_.notify_all();
}

Error Authenticator::error_of(const grpc::Status& status, const Endpoint& endpoint) const {
  auto error = to_error(status, endpoint);
  error.message = fmt::format("signing in as user \"{}\": {}", user_, error.message);
  return error;
}

}  // namespace idetcd::internal::transport
