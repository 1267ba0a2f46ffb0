#include "transport/keep_alives.h"

#include <fmt/format.h>
#include <grpcpp/alarm.h>

#include <deque>
#include <unordered_map>
#include <utility>
#include <vector>

#include "transport/deadline.h"
#include "transport/duplex_stream.h"
#include "transport/failure.h"
#include "transport/wire.h"

namespace idetcd::internal::transport {

// Everything but `alarm` is guarded by KeepAlives::mutex_.
struct KeepAlives::Request {
  LeaseId lease = 0;
  Etcd::KeepAliveCallback done;  // empty: answered
  std::chrono::milliseconds timeout{};
  std::weak_ptr<Stream> stream;
  std::uint64_t answers_before = 0;
  grpc::Alarm alarm;
};

class KeepAlives::Stream : public DuplexStream<pb::LeaseKeepAliveRequest, pb::LeaseKeepAliveResponse> {
 public:
  Stream(std::shared_ptr<KeepAlives> owner, Member& over, LiveCalls& calls)
      : DuplexStream(calls), member(over), owner_(std::move(owner)) {}

  Member& member;
  // Guarded by KeepAlives::mutex_. Per lease in the order of sending, which is the
  // order of the answers. A request that timed out keeps its place: its late answer
  // must not pass for that of a younger request.
  std::unordered_map<LeaseId, std::vector<std::shared_ptr<Request>>> outstanding;
  std::uint64_t answers = 0;
  std::optional<Error> reason;  // why we ended it ourselves
  std::string token;

 private:
  void open(grpc::ClientContext* context) override { member.lease.async()->LeaseKeepAlive(context, this); }

  void on_message(pb::LeaseKeepAliveResponse& message) override {
    owner_->on_answer(*this, message.id(), {decode(message.header()), std::chrono::seconds(message.ttl())});
  }

  void on_done(const grpc::Status& status) override {
    if (refuses_token(status)) owner_->authenticator_.forget(token);
    auto error = status.ok() ? Error{ErrorCode::kUnavailable, ""} : to_error(status, member.endpoint);
    // Whatever ended the stream, the leases may be well: the next call opens another.
    if (error.code != ErrorCode::kUntrusted && error.code != ErrorCode::kDenied) error.code = ErrorCode::kUnavailable;
    if (status.ok()) error.message = fmt::format("etcd at {} closed the keep-alive stream", member.endpoint.url);
    owner_->on_end(*this, error);
  }

  const std::shared_ptr<KeepAlives> owner_;
};

KeepAlives::KeepAlives(Channels& channels, Authenticator& authenticator)
    : channels_(channels), authenticator_(authenticator) {}

KeepAlives::~KeepAlives() = default;

void KeepAlives::request(LeaseId lease, std::chrono::milliseconds timeout, Etcd::KeepAliveCallback done) {
  auto request = std::make_shared<Request>();
  request->lease = lease;
  request->done = std::move(done);
  request->timeout = timeout;
  pb::LeaseKeepAliveRequest message;
  message.set_id(lease);

  std::unique_lock lock(mutex_);
  if (closed_) return answer(*request, lock, Error{ErrorCode::kCancelled, "the connection to etcd is closed"});
  std::shared_ptr<Stream> opened;
  if (!current_) opened = current_ = open();
  const auto stream = current_;
  request->stream = stream;
  request->answers_before = stream->answers;
  stream->outstanding[lease].push_back(request);
  // Under the lock, so that the order on the wire is the order of `outstanding`.
  const bool push = stream->queue(std::move(message));
  // The alarm may not hold what holds it.
  request->alarm.Set(from_now(timeout), [weak = std::weak_ptr(request), owner = weak_from_this()](bool expired) {
    const auto late = weak.lock();
    const auto hub = owner.lock();
    if (expired && late && hub) hub->on_timeout(late);
  });
  lock.unlock();
  if (push) stream->push();
  if (!opened) return;
  authenticator_.with_token(
      [self = shared_from_this(), opened](const Result<std::string>& token) { self->start(opened, token); });
}

std::shared_ptr<KeepAlives::Stream> KeepAlives::open() {
  auto stream = std::make_shared<Stream>(shared_from_this(), channels_.current(), channels_.calls());
  live_.insert(stream);
  return stream;
}

void KeepAlives::start(const std::shared_ptr<Stream>& stream, const Result<std::string>& token) {
  if (!token) return on_end(*stream, token.error());
  stream->token = *token;
  stream->start(*token);
}

void KeepAlives::on_answer(Stream& stream, LeaseId lease, const KeepAliveReply& reply) {
  std::unique_lock lock(mutex_);
  ++stream.answers;
  const auto found = stream.outstanding.find(lease);
  if (found == stream.outstanding.end()) return;
  const auto request = found->second.front();
  found->second.erase(found->second.begin());
  if (found->second.empty()) stream.outstanding.erase(found);
  answer(*request, lock, reply);
}

void KeepAlives::on_timeout(const std::shared_ptr<Request>& request) {
  std::unique_lock lock(mutex_);
  if (!request->done) return;
  const auto stream = request->stream.lock();
  if (!stream) return;
  const Error error{ErrorCode::kDeadlineExceeded, fmt::format("etcd at {} did not answer a keep-alive within {} ms",
                                                              stream->member.endpoint.url, request->timeout.count())};
  // Not one answer since it was sent: the member hangs, and another may not.
  const bool hangs = stream->answers == request->answers_before;
  if (hangs) {
    stream->reason = Error{ErrorCode::kUnavailable, error.message};
    if (current_ == stream) current_.reset();
    channels_.leave(stream->member);
  }
  answer(*request, lock, error);
  if (hangs) stream->cancel();
}

void KeepAlives::on_end(Stream& stream, const Error& error) {
  std::unique_lock lock(mutex_);
  if (current_.get() == &stream) current_.reset();
  if (blames_member(error.code)) channels_.leave(stream.member);
  const auto outstanding = std::exchange(stream.outstanding, {});
  Error told = stream.reason.value_or(error);
  if (closed_) told = {ErrorCode::kCancelled, "the connection to etcd is being closed"};
  for (const auto& [lease, requests] : outstanding) {
    for (const auto& request : requests) {
      answer(*request, lock, told);
      lock.lock();
    }
  }
  live_.erase(std::static_pointer_cast<Stream>(stream.shared_from_this()));
  changed_.notify_all();
}

// Leaves `lock` unlocked.
void KeepAlives::answer(Request& request, std::unique_lock<std::mutex>& lock, Result<KeepAliveReply> result) {
  const auto done = std::exchange(request.done, nullptr);
  if (!done) return lock.unlock();
  ++calling_back_;
  lock.unlock();
  request.alarm.Cancel();
  done(std::move(result));
  lock.lock();
  if (--calling_back_ == 0) changed_.notify_all();
  lock.unlock();
}

void KeepAlives::shutdown() {
  std::unique_lock lock(mutex_);
  closed_ = true;
  current_.reset();
  for (const auto& stream : live_) stream->cancel();
  changed_.wait(lock, [&] { return live_.empty() && calling_back_ == 0; });
}

}  // namespace idetcd::internal::transport
