// StreamHub: what the keep-alives' streams and the watches' have in common. A stream is
// opened at a member with a token, known until its last callback is over, blamed on its
// member when that is at fault, and ended by shutdown() at the latest.
#pragma once

#include <grpcpp/client_context.h>
#include <idetcd/result.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "transport/authenticator.h"
#include "transport/channels.h"
#include "transport/deadline.h"
#include "transport/method.h"

namespace idetcd::internal::transport {

// Thread-safe.
class StreamHub : public std::enable_shared_from_this<StreamHub> {
 public:
  // A stream as its hub sees it. It holds the hub.
  class Stream {
   public:
    Stream(std::shared_ptr<StreamHub> hub, Member& over, std::shared_ptr<grpc::Channel> channel, LiveCalls& calls)
        : member(over), hub_(std::move(hub)), ticket_(calls), channel_(std::move(channel)) {}
    virtual ~Stream() = default;
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    virtual void start(const std::string& token) = 0;  // once at most
    virtual void cancel() = 0;                         // ended() follows soon, if the stream is started or will be

    // The member's own, or one apart from others.
    const std::shared_ptr<grpc::Channel>& channel() const noexcept { return channel_; }

    Member& member;

   protected:
    StreamHub& hub() const noexcept { return *hub_; }

   private:
    friend class StreamHub;
    const std::shared_ptr<StreamHub> hub_;
    const LiveCalls::Ticket ticket_;  // goes after the channel, and after the contexts of derived classes
    const std::shared_ptr<grpc::Channel> channel_;
    std::string token_;              // that it was started with
    std::optional<Error> given_up_;  // why the hub ended it; guarded by the hub's mutex_
  };

  virtual ~StreamHub() = default;
  StreamHub(const StreamHub&) = delete;
  StreamHub& operator=(const StreamHub&) = delete;

  // Ends all streams and waits until no callback runs. After the Authenticator's
  // shutdown; once, before the Channels go.
  virtual void shutdown();

  // By the stream itself, when it is over.
  void ended(Stream& stream, const grpc::Status& status);

 protected:
  // `what`: of its streams, for messages.
  StreamHub(Channels& channels, Authenticator& authenticator, std::string_view what)
      : channels_(channels), authenticator_(authenticator), what_(what) {}

  void add(const std::shared_ptr<Stream>& stream) { live_.insert(stream); }  // with mutex_ held
  void launch(const std::shared_ptr<Stream>& stream);                        // without; once after add()
  void give_up(Stream& stream, Error why);                                   // with mutex_ held; on_end() follows
  void forget_token(const Stream& stream) { authenticator_.forget(stream.token_); }

  // A unary call beside the streams, with the token of one of them. Without the lock, as is
  // `done`; exactly once, in shutdown() with CANCELLED.
  template <class Question, class Answer>
  void ask(const Method<Question, Answer>& method, const Stream& stream, const std::shared_ptr<grpc::Channel>& channel,
           Question question, std::chrono::milliseconds timeout,
           std::function<void(const grpc::Status&, Answer&)> done);

  // Other people's code, which runs without the lock. Leaves `lock` locked.
  template <class Call>
  void call_back(std::unique_lock<std::mutex>& lock, const Call& call) {
    ++calling_back_;
    lock.unlock();
    call();
    lock.lock();
    --calling_back_;
    changed_.notify_all();
  }

  // Tells those who used the stream. With `lock` locked, before and after.
  virtual void on_end(Stream& stream, const Error& error, std::unique_lock<std::mutex>& lock) = 0;

  Channels& channels_;
  Authenticator& authenticator_;

  std::mutex mutex_;
  std::condition_variable changed_;
  // guarded by mutex_:
  std::set<std::shared_ptr<Stream>> live_;
  std::set<grpc::ClientContext*> asking_;
  int calling_back_ = 0;
  bool closed_ = false;

 private:
  void end(Stream& stream, Error error);
  Error explain(const Stream& stream, const grpc::Status& status) const;

  const std::string_view what_;
};

template <class Question, class Answer>
void StreamHub::ask(const Method<Question, Answer>& method, const Stream& stream,
                    const std::shared_ptr<grpc::Channel>& channel, Question question, std::chrono::milliseconds timeout,
                    std::function<void(const grpc::Status&, Answer&)> done) {
  struct Call {
    explicit Call(LiveCalls& calls) : ticket(calls) {}
    const LiveCalls::Ticket ticket;
    grpc::ClientContext context;
    Question question;
    Answer answer;
  };
  auto call = std::make_shared<Call>(channels_.calls());
  call->question = std::move(question);
  call->context.set_deadline(from_now(timeout));
  if (!stream.token_.empty()) call->context.AddMetadata("token", stream.token_);
  {
    const std::lock_guard lock(mutex_);
    asking_.insert(&call->context);
    if (closed_) call->context.TryCancel();
  }
  method.call(channel, &call->context, &call->question, &call->answer,
              [self = shared_from_this(), call, done = std::move(done)](const grpc::Status& status) {
                done(status, call->answer);
                const std::lock_guard lock(self->mutex_);
                self->asking_.erase(&call->context);
                self->changed_.notify_all();
              });
}

}  // namespace idetcd::internal::transport
