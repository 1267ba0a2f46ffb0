#include "transport/watches.h"

#include <fmt/format.h>
#include <grpcpp/alarm.h>

#include <unistd.h>
#include <algorithm>
#include <deque>
#include <unordered_map>
#include <utility>
#include <vector>

#include "transport/deadline.h"
#include "transport/duplex_stream.h"
#include "transport/failure.h"
#include "transport/wire.h"

namespace idetcd::internal::transport {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLate{500};           // without a proof: the next member is asked too
constexpr milliseconds kMaxProofTime{8000};  // of the first question: then the watch ends, where nobody answers

pb::WatchRequest create_message(std::int64_t id, const WatchRequest& request) {
  pb::WatchRequest message;
  auto& create = *message.mutable_create_request();
  encode(request, create);
  create.set_watch_id(id);
  return message;
}

pb::WatchRequest cancel_message(std::int64_t id) {
  pb::WatchRequest message;
  message.mutable_cancel_request()->set_watch_id(id);
  return message;
}

}  // namespace

// Guarded by the hub's mutex_, but for `request` and `callback`, which never change.
struct Watches::Watcher {
  WatchRequest request;
  Etcd::WatchCallback callback;
  std::int64_t id = 0;  // asked for; then the one that was given
  bool created = false;
  std::weak_ptr<WatchStream> stream;
  bool joined_again = false;
  bool calling_back = false;
  bool ended = false;
};

// One search for a sign of life, at one member after the other until one answers, and round
// again: a member that has no leader never answers what it was asked then, but may answer the
// next question. Guarded by the hub's mutex_.
struct Watches::Proof {
  std::shared_ptr<WatchStream> stream;
  bool settled = false;
  std::unique_ptr<grpc::Alarm> late;
};

class Watches::WatchStream : public DuplexStream<pb::WatchRequest, pb::WatchResponse> {
 public:
  WatchStream(const std::shared_ptr<Watches>& owner, Member& over, LiveCalls& calls)
      : DuplexStream(owner, over, over.channel, calls, kWatch), owner_(*owner) {}

  // guarded by the hub's mutex_:
  std::unordered_map<std::int64_t, WatcherPtr> watchers;  // by the id that was given
  std::deque<WatcherPtr> creating;                        // etcd confirms in the order of asking
  milliseconds prove_every{0};                            // 0: not asked for
  std::string proof_key;
  bool heard = false;  // something came since the alarm was set, last at:
  std::chrono::steady_clock::time_point heard_at;
  std::unique_ptr<grpc::Alarm> quiet;  // set while prove_every is not 0

  bool idle() const { return watchers.empty() && creating.empty(); }

 private:
  void on_message(pb::WatchResponse& message) override { owner_.on_message(*this, message); }

  Watches& owner_;
};

class Watches::Handle : public Watch {
 public:
  Handle(std::shared_ptr<Watches> owner, WatcherPtr watcher) : owner_(std::move(owner)), watcher_(std::move(watcher)) {}
  ~Handle() override {
    if (::getpid() == pid_) owner_->cancel(*watcher_);  // else the lock may be as the parent's threads left it
  }

 private:
  const std::shared_ptr<Watches> owner_;
  const WatcherPtr watcher_;
  const pid_t pid_ = ::getpid();
};

Watches::Watches(Channels& channels, Authenticator& authenticator) : StreamHub(channels, authenticator, "watch") {}

Watches::~Watches() = default;

std::unique_ptr<Watch> Watches::watch(const WatchRequest& request, Etcd::WatchCallback callback) {
  auto watcher = std::make_shared<Watcher>();
  watcher->request = request;
  watcher->callback = std::move(callback);
  join(watcher);
  return std::make_unique<Handle>(std::static_pointer_cast<Watches>(shared_from_this()), watcher);
}

void Watches::join(const WatcherPtr& watcher) {
  std::unique_lock lock(mutex_);
  if (closed_ || watcher->ended) return;
  const bool opened = !current_;
  if (opened) {
    auto self = std::static_pointer_cast<Watches>(shared_from_this());
    current_ = std::make_shared<WatchStream>(std::move(self), channels_.current(), channels_.calls());
    add(current_);
  }
  const auto stream = current_;
  // Never used twice, so that an event of a cancelled watch cannot reach another.
  watcher->id = ++last_id_;
  watcher->created = false;
  watcher->stream = stream;
  stream->creating.push_back(watcher);
  expect_proof(stream, watcher->request);
  const bool push = stream->queue(create_message(watcher->id, watcher->request));
  lock.unlock();
  if (push) stream->push();
  if (opened) launch(stream);
}

// --- what etcd says -------------------------------------------------------------------

void Watches::on_message(WatchStream& stream, pb::WatchResponse& message) {
  {
    const std::lock_guard lock(mutex_);
    stream.heard = true;
    stream.heard_at = std::chrono::steady_clock::now();
  }
  if (message.created()) return on_created(stream, message);
  if (message.canceled() || message.compact_revision() != 0) return on_canceled(stream, message);
  if (message.events_size() != 0) on_events(stream, message);  // the rest are progress notes
}

// By order, not by id: etcd refuses some watches under the id -1, and its grpc-proxy gives
// ids of its own, which are smaller than ours. That is how it is told from a server.
void Watches::on_created(WatchStream& stream, pb::WatchResponse& message) {
  std::unique_lock lock(mutex_);
  if (stream.creating.empty()) return;
  const auto watcher = std::move(stream.creating.front());
  stream.creating.pop_front();
  if (message.canceled()) return refused(stream, watcher, message, lock);
  const bool as_asked = message.watch_id() == watcher->id;
  stream.member.kind.store(as_asked ? Member::Kind::kServer : Member::Kind::kProxy);
  watcher->id = message.watch_id();
  watcher->created = true;
  if (watcher->ended) {  // cancelled before it had an id
    const bool push = stream.queue(cancel_message(watcher->id));
    if (stream.idle() && current_.get() != &stream) stream.cancel();
    lock.unlock();
    if (push) stream.push();
    return;
  }
  stream.watchers.emplace(watcher->id, watcher);
  notify(*watcher, lock, WatchBatch{decode(message.header()), {}});
}

void Watches::on_events(WatchStream& stream, pb::WatchResponse& message) {
  std::unique_lock lock(mutex_);
  const auto found = stream.watchers.find(message.watch_id());
  if (found == stream.watchers.end()) return;
  const auto watcher = found->second;
  WatchBatch batch{decode(message.header()), {}};
  batch.events.reserve(static_cast<std::size_t>(message.events_size()));
  for (auto& event : *message.mutable_events()) batch.events.push_back(decode(event));
  notify(*watcher, lock, std::move(batch));
}

void Watches::on_canceled(WatchStream& stream, const pb::WatchResponse& message) {
  std::unique_lock lock(mutex_);
  const auto found = stream.watchers.find(message.watch_id());
  if (found == stream.watchers.end()) return;
  const auto watcher = found->second;
  drop(stream, watcher->id);
  refused(stream, watcher, message, lock);
}

// Leaves `lock` unlocked.
void Watches::refused(WatchStream& stream, const WatcherPtr& watcher, const pb::WatchResponse& message,
                      std::unique_lock<std::mutex>& lock) {
  if (joins_again(stream, *watcher, message.cancel_reason())) {
    lock.unlock();
    return join(watcher);
  }
  auto error = to_error(message.cancel_reason(), stream.member.endpoint);
  if (message.compact_revision() != 0) {
    error = {ErrorCode::kCompacted,
             fmt::format("etcd at {}: the watched revision {} is compacted, up to {}; list again",
                         stream.member.endpoint.url, watcher->request.start_revision, message.compact_revision())};
  }
  notify(*watcher, lock, std::move(error));
}

// "Permission denied" may just mean that the stream's token is out of date: etcd does
// not tell these apart on a watch. One more try, with a new token, on a new stream; the
// other watches stay on theirs.
bool Watches::joins_again(WatchStream& stream, Watcher& watcher, std::string_view reason) {
  const bool denied = reason.find("permission denied") != std::string_view::npos ||
                      reason.find("invalid auth token") != std::string_view::npos ||
                      reason.find("revision of auth store is old") != std::string_view::npos;
  if (!denied || !authenticator_.enabled() || watcher.joined_again || watcher.ended) return false;
  watcher.joined_again = true;
  forget_token(stream);
  if (current_.get() == &stream) current_.reset();
  if (stream.idle()) stream.cancel();
  return true;
}

void Watches::on_end(Stream& stream, const Error& error, std::unique_lock<std::mutex>& lock) {
  auto& ended = static_cast<WatchStream&>(stream);
  if (current_.get() == &ended) current_.reset();
  ended.prove_every = milliseconds(0);
  if (ended.quiet) ended.quiet->Cancel();
  std::vector<WatcherPtr> told(ended.creating.begin(), ended.creating.end());
  for (const auto& [id, watcher] : ended.watchers) told.push_back(watcher);
  ended.watchers.clear();
  ended.creating.clear();
  for (const auto& watcher : told) {
    notify(*watcher, lock, error);
    lock.lock();
  }
}

void Watches::leave(const Member& member) {
  const std::lock_guard lock(mutex_);
  if (current_ && &current_->member == &member) current_.reset();
  for (const auto& stream : live_) {
    if (&stream->member != &member) continue;
    give_up(*stream, Error{ErrorCode::kUnavailable,
                           fmt::format("etcd at {} does not answer; watching at another member", member.endpoint.url)});
  }
}

// --- proofs ----------------------------------------------------------------------------

void Watches::expect_proof(const std::shared_ptr<WatchStream>& stream, const WatchRequest& request) {
  if (request.prove_every.count() <= 0) return;
  const bool first = stream->prove_every.count() == 0;
  stream->prove_every = first ? request.prove_every : std::min(stream->prove_every, request.prove_every);
  stream->proof_key = request.keys.begin;
  if (first) set_quiet_alarm(stream);
}

// A new one each time: an alarm may not be set again while it is ringing. It rings `prove_every` after
// the last sign of life.
void Watches::set_quiet_alarm(const std::shared_ptr<WatchStream>& stream) {
  const auto silent = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - stream->heard_at);
  const auto wait = stream->heard ? std::max(stream->prove_every - silent, milliseconds(1)) : stream->prove_every;
  stream->heard = false;
  stream->quiet = std::make_unique<grpc::Alarm>();
  stream->quiet->Set(from_now(wait), [weak = std::weak_ptr(stream), owner = weak_from_this()](bool expired) {
    const auto quiet = weak.lock();
    const auto hub = owner.lock();
    if (expired && quiet && hub) static_cast<Watches&>(*hub).on_quiet(quiet);
  });
}

void Watches::on_quiet(const std::shared_ptr<WatchStream>& stream) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || stream->prove_every.count() == 0) return;
    if (stream->heard) return set_quiet_alarm(stream);
  }
  auto proof = std::make_shared<Proof>();
  proof->stream = stream;
  ask_for_proof(proof, stream->member);
}

void Watches::ask_for_proof(const std::shared_ptr<Proof>& proof, Member& member) {
  pb::RangeRequest question;
  question.set_count_only(true);
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    question.set_key(proof->stream->proof_key);
    proof->late = std::make_unique<grpc::Alarm>();
    // The alarm may not hold what holds it; the question does.
    proof->late->Set(from_now(kLate), [weak = std::weak_ptr(proof), owner = weak_from_this(), &member](bool expired) {
      const auto late = weak.lock();
      const auto hub = owner.lock();
      if (expired && late && hub) static_cast<Watches&>(*hub).on_late(late, member);
    });
  }
  ask<pb::RangeRequest, pb::RangeResponse>(
      kRange, *proof->stream, member.channel, std::move(question), kMaxProofTime,
      [this, proof, &member](const grpc::Status& status, pb::RangeResponse& message) {
        on_proof(proof, member, status, decode(message.header()));
      });
}

void Watches::on_late(const std::shared_ptr<Proof>& proof, Member& member) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || proof->settled) return;
  }
  ask_for_proof(proof, channels_.after(member));
}

void Watches::on_proof(const std::shared_ptr<Proof>& proof, Member& member, const grpc::Status& status,
                       const Header& header) {
  std::unique_lock lock(mutex_);
  const auto& stream = proof->stream;
  const bool own = &member == &stream->member;
  if (closed_ || proof->settled || (!own && !status.ok())) return;
  proof->settled = true;
  proof->late->Cancel();
  if (stream->prove_every.count() == 0) return;  // it has ended
  if (own) return status.ok() ? proved(stream, lock, header) : not_proved(stream, lock, status);
  if (stream->heard) return set_quiet_alarm(stream);  // it lives after all
  lock.unlock();
  channels_.leave(stream->member, &member);
  leave(stream->member);  // also when it was not the current one any more
}

// Leaves `lock` unlocked, as the next does.
void Watches::proved(const std::shared_ptr<WatchStream>& stream, std::unique_lock<std::mutex>& lock,
                     const Header& header) {
  std::vector<WatcherPtr> told;
  for (const auto& [id, watcher] : stream->watchers) {
    if (watcher->request.prove_every.count() > 0) told.push_back(watcher);
  }
  set_quiet_alarm(stream);
  for (const auto& watcher : told) {
    notify(*watcher, lock, WatchBatch{header, {}});
    lock.lock();
  }
  lock.unlock();
}

void Watches::not_proved(const std::shared_ptr<WatchStream>& stream, std::unique_lock<std::mutex>& lock,
                         const grpc::Status& status) {
  auto error = to_error(status, stream->member.endpoint);
  const bool old_token = authenticator_.enabled() && refuses_token(status);
  const bool hangs = !old_token && blames_member(error.code);
  if (hangs && stream->heard) {
    set_quiet_alarm(stream);  // it lives after all
    return lock.unlock();
  }
  if (old_token) forget_token(*stream);  // the next stream signs in anew
  if (old_token || hangs) error.code = ErrorCode::kUnavailable;
  if (hangs) error.message += ", not to a read that proves it lives";
  if (current_ == stream) current_.reset();
  give_up(*stream, std::move(error));
  lock.unlock();
  if (hangs) channels_.leave(stream->member);
}

void Watches::drop(WatchStream& stream, std::int64_t id) {
  stream.watchers.erase(id);
  if (stream.idle() && current_.get() != &stream) stream.cancel();
}

// Leaves `lock` unlocked. Proofs come on another thread than events: one at a time.
void Watches::notify(Watcher& watcher, std::unique_lock<std::mutex>& lock, Result<WatchBatch> batch) {
  changed_.wait(lock, [&] { return !watcher.calling_back; });
  if (!watcher.ended && !closed_) {
    watcher.ended = !batch;
    watcher.calling_back = true;
    call_back(lock, [&] { watcher.callback(std::move(batch)); });
    watcher.calling_back = false;
    changed_.notify_all();
  }
  lock.unlock();
}

void Watches::cancel(Watcher& watcher) {
  std::unique_lock lock(mutex_);
  watcher.ended = true;
  changed_.wait(lock, [&] { return !watcher.calling_back; });
  const auto stream = watcher.stream.lock();
  if (!watcher.created || !stream || stream->watchers.count(watcher.id) == 0) return;
  const bool push = stream->queue(cancel_message(watcher.id));
  drop(*stream, watcher.id);
  lock.unlock();
  if (push) stream->push();
}

void Watches::shutdown() {
  {
    const std::lock_guard lock(mutex_);
    current_.reset();
  }
  StreamHub::shutdown();
}

}  // namespace idetcd::internal::transport
