#include "transport/stream_hub.h"

#include <fmt/format.h>

#include "transport/failure.h"

namespace idetcd::internal::transport {

void StreamHub::launch(const std::shared_ptr<Stream>& stream) {
  authenticator_.with_token([self = shared_from_this(), stream](const Result<std::string>& token) {
    if (!token) return self->end(*stream, token.error());
    stream->token_ = *token;
    stream->start(*token);
  });
}

void StreamHub::give_up(Stream& stream, Error why) {
  if (!stream.given_up_) stream.given_up_ = std::move(why);
  stream.cancel();
}

void StreamHub::ended(Stream& stream, const grpc::Status& status) {
  if (refuses_token(status)) forget_token(stream);
  end(stream, explain(stream, status));
}

// Whatever ended the stream, what it carried may be well: another stream may do.
Error StreamHub::explain(const Stream& stream, const grpc::Status& status) const {
  const Endpoint& endpoint = stream.member.endpoint;
  if (status.ok())
    return {ErrorCode::kUnavailable, fmt::format("etcd at {} closed the {} stream", endpoint.url, what_)};
  auto error = to_error(status, endpoint);
  const bool for_good = error.code == ErrorCode::kUntrusted || error.code == ErrorCode::kDenied;
  if (too_large(status)) {
    error.code = ErrorCode::kCompacted;  // the same remedy: list again
  } else if (!for_good || (authenticator_.enabled() && refuses_token(status))) {
    error.code = ErrorCode::kUnavailable;
  }
  return error;
}

void StreamHub::end(Stream& stream, Error error) {
  std::unique_lock lock(mutex_);
  // A stream apart is a second try at a member whose first one has not ended: that one decides.
  const bool apart = stream.channel() != stream.member.channel;
  if (!closed_ && !stream.given_up_ && !apart && blames_member(error.code)) {
    lock.unlock();
    channels_.leave(stream.member);
    lock.lock();
  }
  if (stream.given_up_) error = *stream.given_up_;
  if (closed_) error = {ErrorCode::kCancelled, "the connection to etcd is being closed"};
  on_end(stream, error, lock);
  for (auto found = live_.begin(); found != live_.end(); ++found) {
    if (found->get() != &stream) continue;
    live_.erase(found);
    break;
  }
  changed_.notify_all();
}

void StreamHub::shutdown() {
  std::unique_lock lock(mutex_);
  closed_ = true;
  for (const auto& stream : live_) stream->cancel();
  for (auto* const call : asking_) call->TryCancel();
  changed_.wait(lock, [&] { return live_.empty() && asking_.empty() && calling_back_ == 0; });
}

}  // namespace idetcd::internal::transport
