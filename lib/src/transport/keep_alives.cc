#include "transport/keep_alives.h"

#include <fmt/format.h>
#include <grpcpp/alarm.h>

#include <algorithm>
#include <deque>
#include <unordered_map>
#include <utility>

#include "transport/deadline.h"
#include "transport/duplex_stream.h"
#include "transport/failure.h"
#include "transport/server_version.h"
#include "transport/wire.h"

namespace idetcd::internal::transport {
namespace {

using Moment = std::chrono::steady_clock::time_point;

constexpr std::chrono::milliseconds kLate{300};   // without an answer: other members are asked
constexpr std::chrono::milliseconds kStuck{600};  // without an answer: a new stream may do better
constexpr std::size_t kMaxStreamsPerMember = 4;
constexpr std::chrono::milliseconds kVersionTimeout{5000};

}  // namespace

// Everything but `alarm` is guarded by the hub's mutex_.
struct KeepAlives::Request {
  LeaseId lease = 0;
  Etcd::KeepAliveCallback done;  // empty: answered
  std::chrono::milliseconds timeout{};
  Moment deadline;
  std::weak_ptr<KeepAliveStream> stream;
  std::uint64_t answers_before = 0;
  grpc::Alarm alarm;
};

class KeepAlives::KeepAliveStream : public DuplexStream<pb::LeaseKeepAliveRequest, pb::LeaseKeepAliveResponse> {
 public:
  KeepAliveStream(const std::shared_ptr<KeepAlives>& owner, Member& over, std::shared_ptr<grpc::Channel> channel,
                  LiveCalls& calls)
      : DuplexStream(owner, over, std::move(channel), calls, kLeaseKeepAlive), owner_(*owner) {}

  // Guarded by the hub's mutex_. Per lease in the order of sending, which is the order
  // of the answers. A request that timed out keeps its place: its late answer must not
  // pass for that of a younger request.
  std::unordered_map<LeaseId, std::deque<RequestPtr>> outstanding;
  std::uint64_t answers = 0;
  Moment owing_since;  // the last answer, or the first request after it; if there is one outstanding

  bool awaited() const {  // by a request that has not timed out
    return std::any_of(outstanding.begin(), outstanding.end(), [](const auto& of_lease) {
      return std::any_of(of_lease.second.begin(), of_lease.second.end(),
                         [](const RequestPtr& request) { return request->done != nullptr; });
    });
  }

  bool silent_for(std::chrono::milliseconds time) const {
    return !outstanding.empty() && std::chrono::steady_clock::now() - owing_since >= time;
  }

 private:
  void on_message(pb::LeaseKeepAliveResponse& message) override {
    owner_.on_answer(*this, message.id(), {decode(message.header()), std::chrono::seconds(message.ttl()), {}});
  }

  KeepAlives& owner_;
};

KeepAlives::KeepAlives(Channels& channels, Authenticator& authenticator, LogSink log)
    : StreamHub(channels, authenticator, "keep-alive"), log_(std::move(log)) {}

KeepAlives::~KeepAlives() = default;

void KeepAlives::request(LeaseId lease, std::chrono::milliseconds timeout, Etcd::KeepAliveCallback done) {
  auto request = std::make_shared<Request>();
  request->lease = lease;
  request->done = std::move(done);
  request->timeout = timeout;
  request->deadline = std::chrono::steady_clock::now() + timeout;
  pb::LeaseKeepAliveRequest message;
  message.set_id(lease);

  std::unique_lock lock(mutex_);
  if (closed_) return answer(*request, lock, Error{ErrorCode::kCancelled, "the connection to etcd is closed"});
  bool opened = false;
  const auto stream = stream_for_next(opened);
  request->stream = stream;
  request->answers_before = stream->answers;
  if (stream->outstanding.empty()) stream->owing_since = std::chrono::steady_clock::now();
  stream->outstanding[lease].push_back(request);
  // Under the lock, so that the order on the wire is the order of `outstanding`.
  const bool push = stream->queue(std::move(message));
  // The alarm may not hold what holds it.
  request->alarm.Set(from_now(timeout), [weak = std::weak_ptr(request), owner = weak_from_this()](bool expired) {
    const auto late = weak.lock();
    const auto hub = owner.lock();
    if (expired && late && hub) static_cast<KeepAlives&>(*hub).on_timeout(late);
  });
  lock.unlock();
  if (push) stream->push();
  if (opened) launch(stream);
}

KeepAlives::StreamPtr KeepAlives::stream_for_next(bool& opened) {
  Member& current = channels_.current();
  auto stream = newest_at(current);
  opened = !stream;
  if (opened) return open(current, current.channel);
  Member* member = &current;
  for (std::size_t looked = 0; looked < channels_.size(); ++looked, member = &channels_.after(*member)) {
    stream = newest_at(*member);
    if (stream && !stream->silent_for(kLate)) return stream;
  }
  // One after the other, whatever became of the stream opened last: a member that refuses
  // every stream at once must not be all that is asked.
  member = tried_ != nullptr ? tried_ : &current;
  for (std::size_t looked = 0; looked < channels_.size(); ++looked) {
    member = &channels_.after(*member);
    if (!may_open_at(*member)) continue;
    tried_ = member;
    opened = true;
    return open(*member, newest_at(*member) ? channels_.apart_from_others(*member) : member->channel);
  }
  return streams_.back();
}

bool KeepAlives::may_open_at(const Member& member) const {
  const auto newest = newest_at(member);
  if (!newest) return true;
  const auto at_member = [&](const StreamPtr& stream) { return &stream->member == &member; };
  const auto there = std::count_if(streams_.begin(), streams_.end(), at_member);
  return newest->silent_for(kStuck) && static_cast<std::size_t>(there) < kMaxStreamsPerMember;
}

KeepAlives::StreamPtr KeepAlives::newest_at(const Member& member) const {
  const auto found = std::find_if(streams_.rbegin(), streams_.rend(),
                                  [&](const StreamPtr& stream) { return &stream->member == &member; });
  return found == streams_.rend() ? nullptr : *found;
}

KeepAlives::StreamPtr KeepAlives::open(Member& member, std::shared_ptr<grpc::Channel> channel) {
  auto stream = std::make_shared<KeepAliveStream>(std::static_pointer_cast<KeepAlives>(shared_from_this()), member,
                                                  std::move(channel), channels_.calls());
  add(stream);
  streams_.push_back(stream);
  return stream;
}

void KeepAlives::on_answer(KeepAliveStream& stream, LeaseId lease, const KeepAliveReply& reply) {
  std::unique_lock lock(mutex_);
  ++stream.answers;
  stream.owing_since = std::chrono::steady_clock::now();
  const auto found = stream.outstanding.find(lease);
  if (found == stream.outstanding.end()) return;
  const auto request = found->second.front();
  found->second.pop_front();
  if (found->second.empty()) stream.outstanding.erase(found);
  const bool first = !std::exchange(version_asked_, true);
  const bool whole = stream.member.kind.load() == Member::Kind::kServer || reply.ttl.count() <= 0;
  const bool spare = &stream.member != &channels_.current();
  if (whole) {
    answer(*request, lock, reply);
  } else {
    lock.unlock();
    ask_what_is_left(stream, request, reply);
  }
  if (spare) leave_who_is_late(stream.member);
  if (first) ask_version(stream);
  close_spare(stream);
}

// One stream is enough while all is well.
void KeepAlives::close_spare(KeepAliveStream& stream) {
  const std::lock_guard lock(mutex_);
  const bool in_use = &stream.member == &channels_.current() && newest_at(stream.member).get() == &stream;
  if (in_use || !stream.outstanding.empty()) return;
  std::erase_if(streams_, [&](const StreamPtr& open) { return open.get() == &stream; });
  give_up(stream, Error{ErrorCode::kCancelled, "not needed any more"});
}

// The current member has been silent for long, and this one was not.
void KeepAlives::leave_who_is_late(Member& better) {
  std::unique_lock lock(mutex_);
  Member& current = channels_.current();
  const auto stream = newest_at(current);
  if (&current == &better || !stream || !stream->silent_for(kLate)) return;
  lock.unlock();
  channels_.leave(current, &better);
}

// What a proxy says may be what an earlier renewal of its own earned. This question it
// passes on, so the answer was made after we asked, and after the request before that.
void KeepAlives::ask_what_is_left(KeepAliveStream& stream, const RequestPtr& request, const KeepAliveReply& reply) {
  pb::LeaseTimeToLiveRequest question;
  question.set_id(request->lease);
  const auto done = [this, request, reply, endpoint = &stream.member.endpoint](const grpc::Status& status,
                                                                               pb::LeaseTimeToLiveResponse& message) {
    std::unique_lock lock(mutex_);
    if (!status.ok()) return answer(*request, lock, to_error(status, *endpoint));
    KeepAliveReply checked = reply;
    checked.left = std::chrono::seconds(std::max<std::int64_t>(message.ttl(), 0));
    if (message.ttl() < 0) checked.ttl = std::chrono::seconds(0);
    answer(*request, lock, checked);
  };
  ask<pb::LeaseTimeToLiveRequest, pb::LeaseTimeToLiveResponse>(kLeaseTimeToLive, stream, stream.channel(),
                                                               std::move(question), time_left(request->deadline), done);
}

void KeepAlives::ask_version(KeepAliveStream& stream) {
  const auto done = [this, url = stream.member.endpoint.url](const grpc::Status& status, pb::StatusResponse& message) {
    if (!status.ok() || !log_ || !may_revoke_living_leases(message.version())) return;
    log_(LogLevel::kWarning,
         fmt::format("etcd at {} is version {}, which may end leases that live when a leader goes on after it was "
                     "stopped for long (etcd issue 15247): two nodes may then believe in one slot for as long as "
                     "the next keep-alive takes; upgrade etcd to 3.4.31, 3.5.13 or newer",
                     url, message.version()));
  };
  ask<pb::StatusRequest, pb::StatusResponse>(kStatus, stream, stream.channel(), {}, kVersionTimeout, done);
}

void KeepAlives::on_timeout(const RequestPtr& request) {
  std::unique_lock lock(mutex_);
  if (!request->done) return;
  const auto stream = request->stream.lock();
  if (!stream) return;
  const Error error{ErrorCode::kDeadlineExceeded, fmt::format("etcd at {} did not answer a keep-alive within {} ms",
                                                              stream->member.endpoint.url, request->timeout.count())};
  // Not one answer since it was sent: the member hangs, and another may not.
  const bool hangs = stream->answers == request->answers_before;
  answer(*request, lock, error);
  if (!hangs) return;
  channels_.leave(stream->member);
  lock.lock();
  std::erase(streams_, stream);
  if (!stream->awaited()) give_up(*stream, Error{ErrorCode::kUnavailable, error.message});
}

void KeepAlives::on_end(Stream& stream, const Error& error, std::unique_lock<std::mutex>& lock) {
  auto& ended = static_cast<KeepAliveStream&>(stream);
  std::erase_if(streams_, [&](const StreamPtr& open) { return open.get() == &ended; });
  for (const auto& [lease, requests] : std::exchange(ended.outstanding, {})) {
    for (const auto& request : requests) {
      answer(*request, lock, error);
      lock.lock();
    }
  }
}

// Leaves `lock` unlocked.
void KeepAlives::answer(Request& request, std::unique_lock<std::mutex>& lock, const Result<KeepAliveReply>& result) {
  const auto done = std::exchange(request.done, nullptr);
  if (done) {
    call_back(lock, [&] {
      request.alarm.Cancel();
      done(result);
    });
  }
  lock.unlock();
}

}  // namespace idetcd::internal::transport
