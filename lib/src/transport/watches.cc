#include "transport/watches.h"

#include <fmt/format.h>

#include <unistd.h>
#include <deque>
#include <unordered_map>
#include <utility>
#include <vector>

#include "transport/duplex_stream.h"
#include "transport/failure.h"
#include "transport/wire.h"

namespace idetcd::internal::transport {
namespace {

// Of one revision, while its parts come in; etcd takes no transaction that comes near it.
constexpr std::size_t kMaxPartialBytes = std::size_t{256} << 20;

std::size_t size_of(const Event& event) {
  return sizeof event + event.kv.key.size() + event.kv.value.size();
}

pb::WatchRequest create_message(std::int64_t id, const WatchRequest& request) {
  pb::WatchRequest message;
  auto& create = *message.mutable_create_request();
  encode(request, create);
  create.set_watch_id(id);
  create.set_fragment(true);
  return message;
}

pb::WatchRequest cancel_message(std::int64_t id) {
  pb::WatchRequest message;
  message.mutable_cancel_request()->set_watch_id(id);
  return message;
}

// The last revision in `events` may go on in the next part; those before it are whole.
std::vector<Event> split_whole_revisions(std::vector<Event>& events) {
  auto whole = events.end();
  while (whole != events.begin() && std::prev(whole)->kv.mod_revision == events.back().kv.mod_revision) --whole;
  std::vector<Event> rest(std::make_move_iterator(whole), std::make_move_iterator(events.end()));
  events.erase(whole, events.end());
  return std::exchange(events, std::move(rest));
}

}  // namespace

// Guarded by Watches::mutex_, but for `request` and `callback`, which never change.
struct Watches::Watcher {
  WatchRequest request;
  Etcd::WatchCallback callback;
  std::int64_t id = 0;
  std::weak_ptr<Stream> stream;
  std::vector<Event> parts;  // of a batch that is not complete yet
  std::size_t parts_size = 0;
  bool joined_again = false;
  bool calling_back = false;
  bool ended = false;
};

class Watches::Stream : public DuplexStream<pb::WatchRequest, pb::WatchResponse> {
 public:
  Stream(std::shared_ptr<Watches> owner, Member& over, LiveCalls& calls)
      : DuplexStream(calls), member(over), owner_(std::move(owner)) {}

  Member& member;
  // guarded by Watches::mutex_:
  std::unordered_map<std::int64_t, std::shared_ptr<Watcher>> watchers;
  std::deque<std::int64_t> creating;  // etcd confirms in the order of asking
  std::string token;

 private:
  void open(grpc::ClientContext* context) override { member.watch.async()->Watch(context, this); }
  void on_message(pb::WatchResponse& message) override { owner_->on_message(*this, message); }

  void on_done(const grpc::Status& status) override {
    if (refuses_token(status)) owner_->authenticator_.forget(token);
    auto error = status.ok() ? Error{ErrorCode::kUnavailable, ""} : to_error(status, member.endpoint);
    if (status.ok()) error.message = fmt::format("etcd at {} closed the watch stream", member.endpoint.url);
    if (refuses_token(status) || error.code == ErrorCode::kCancelled) error.code = ErrorCode::kUnavailable;
    owner_->on_end(*this, error);
  }

  const std::shared_ptr<Watches> owner_;
};

class Watches::Handle : public Watch {
 public:
  Handle(std::shared_ptr<Watches> owner, std::shared_ptr<Watcher> watcher)
      : owner_(std::move(owner)), watcher_(std::move(watcher)) {}
  ~Handle() override {
    if (::getpid() == pid_) owner_->cancel(*watcher_);  // else the lock may be as the parent's threads left it
  }

 private:
  const std::shared_ptr<Watches> owner_;
  const std::shared_ptr<Watcher> watcher_;
  const pid_t pid_ = ::getpid();
};

Watches::Watches(Channels& channels, Authenticator& authenticator)
    : channels_(channels), authenticator_(authenticator) {}

Watches::~Watches() = default;

std::unique_ptr<Watch> Watches::watch(const WatchRequest& request, Etcd::WatchCallback callback) {
  auto watcher = std::make_shared<Watcher>();
  watcher->request = request;
  watcher->callback = std::move(callback);
  join(watcher);
  return std::make_unique<Handle>(shared_from_this(), watcher);
}

void Watches::join(const std::shared_ptr<Watcher>& watcher) {
  std::unique_lock lock(mutex_);
  if (closed_ || watcher->ended) return;
  std::shared_ptr<Stream> opened;
  if (!current_) {
    opened = current_ = std::make_shared<Stream>(shared_from_this(), channels_.current(), channels_.calls());
    live_.insert(opened);
  }
  const auto stream = current_;
  // Never used twice, so that an event of a cancelled watch cannot reach another.
  watcher->id = ++last_id_;
  watcher->stream = stream;
  stream->watchers.emplace(watcher->id, watcher);
  stream->creating.push_back(watcher->id);
  const bool push = stream->queue(create_message(watcher->id, watcher->request));
  lock.unlock();
  if (push) stream->push();
  if (!opened) return;
  authenticator_.with_token(
      [self = shared_from_this(), opened](const Result<std::string>& token) { self->start(opened, token); });
}

void Watches::start(const std::shared_ptr<Stream>& stream, const Result<std::string>& token) {
  if (!token) return on_end(*stream, token.error());
  stream->token = *token;
  stream->start(*token);
}

void Watches::on_message(Stream& stream, pb::WatchResponse& message) {
  if (message.created()) return on_created(stream, message);
  if (message.canceled() || message.compact_revision() != 0) return on_canceled(stream, message);
  if (message.events_size() != 0) on_events(stream, message);  // the rest are progress notes
}

void Watches::on_created(Stream& stream, pb::WatchResponse& message) {
  std::unique_lock lock(mutex_);
  if (stream.creating.empty()) return;
  // By order, not by id: etcd refuses some watches under the id -1.
  const auto id = stream.creating.front();
  stream.creating.pop_front();
  if (message.canceled()) {
    message.set_watch_id(id);
    lock.unlock();
    return on_canceled(stream, message);
  }
  const auto found = stream.watchers.find(id);
  if (found == stream.watchers.end()) return;
  const auto watcher = found->second;
  notify(*watcher, lock, WatchBatch{decode(message.header()), {}});
}

void Watches::on_events(Stream& stream, pb::WatchResponse& message) {
  std::unique_lock lock(mutex_);
  const auto found = stream.watchers.find(message.watch_id());
  if (found == stream.watchers.end()) return;
  const auto watcher = found->second;
  auto& parts = watcher->parts;
  for (auto& event : *message.mutable_events()) {
    parts.push_back(decode(event));
    watcher->parts_size += size_of(parts.back());
  }
  WatchBatch batch{decode(message.header()), {}};
  if (message.fragment()) {
    batch.events = split_whole_revisions(parts);
    for (const auto& event : batch.events) watcher->parts_size -= size_of(event);
  } else {
    batch.events = std::exchange(parts, {});
    watcher->parts_size = 0;
  }
  if (watcher->parts_size > kMaxPartialBytes) {
    drop(stream, watcher->id);
    return notify(*watcher, lock,
                  Error{ErrorCode::kInternal, fmt::format("etcd at {} sent one revision of more than {} MiB",
                                                          stream.member.endpoint.url, kMaxPartialBytes >> 20)});
  }
  if (!batch.events.empty()) notify(*watcher, lock, std::move(batch));
}

void Watches::on_canceled(Stream& stream, const pb::WatchResponse& message) {
  std::unique_lock lock(mutex_);
  const auto found = stream.watchers.find(message.watch_id());
  if (found == stream.watchers.end()) return;
  const auto watcher = found->second;
  drop(stream, watcher->id);
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
bool Watches::joins_again(Stream& stream, Watcher& watcher, std::string_view reason) {
  const bool denied = reason.find("permission denied") != std::string_view::npos ||
                      reason.find("invalid auth token") != std::string_view::npos ||
                      reason.find("revision of auth store is old") != std::string_view::npos;
  if (!denied || !authenticator_.enabled() || watcher.joined_again || watcher.ended) return false;
  watcher.joined_again = true;
  authenticator_.forget(stream.token);
  if (current_.get() == &stream) current_.reset();
  if (stream.watchers.empty()) stream.cancel();
  return true;
}

void Watches::on_end(Stream& stream, const Error& error) {
  std::unique_lock lock(mutex_);
  if (current_.get() == &stream) current_.reset();
  if (blames_member(error.code)) channels_.leave(stream.member);
  const auto watchers = std::exchange(stream.watchers, {});
  for (const auto& [id, watcher] : watchers) {
    if (closed_) break;
    notify(*watcher, lock, error);
    lock.lock();
  }
  live_.erase(std::static_pointer_cast<Stream>(stream.shared_from_this()));
  changed_.notify_all();
}

void Watches::drop(Stream& stream, std::int64_t id) {
  stream.watchers.erase(id);
  if (stream.watchers.empty() && current_.get() != &stream) stream.cancel();
}

// Leaves `lock` unlocked.
void Watches::notify(Watcher& watcher, std::unique_lock<std::mutex>& lock, Result<WatchBatch> batch) {
  if (watcher.ended || closed_) return lock.unlock();
  watcher.ended = !batch;
  watcher.calling_back = true;
  ++calling_back_;
  lock.unlock();
  watcher.callback(std::move(batch));
  lock.lock();
  watcher.calling_back = false;
  --calling_back_;
  changed_.notify_all();
  lock.unlock();
}

void Watches::cancel(Watcher& watcher) {
  std::unique_lock lock(mutex_);
  watcher.ended = true;
  changed_.wait(lock, [&] { return !watcher.calling_back; });
  const auto stream = watcher.stream.lock();
  if (!stream || stream->watchers.count(watcher.id) == 0) return;
  const bool push = stream->queue(cancel_message(watcher.id));
  drop(*stream, watcher.id);
  lock.unlock();
  if (push) stream->push();
}

void Watches::shutdown() {
  std::unique_lock lock(mutex_);
  closed_ = true;
  current_.reset();
  for (const auto& stream : live_) stream->cancel();
  changed_.wait(lock, [&] { return live_.empty() && calling_back_ == 0; });
}

}  // namespace idetcd::internal::transport
