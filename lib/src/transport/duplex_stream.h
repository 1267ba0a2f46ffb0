// DuplexStream: one bidirectional gRPC call of a hub. Writes from any thread are queued
// and go out one by one; answers arrive one by one on gRPC's threads.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "transport/live_calls.h"
#include "transport/method.h"
#include "transport/stream_hub.h"

namespace idetcd::internal::transport {

// Owned by a shared_ptr; from start() until it has ended it keeps itself alive.
template <class Request, class Response>
class DuplexStream : public StreamHub::Stream,
                     public grpc::ClientBidiReactor<Request, Response>,
                     public std::enable_shared_from_this<DuplexStream<Request, Response>> {
 public:
  DuplexStream(std::shared_ptr<StreamHub> hub, Member& over, std::shared_ptr<grpc::Channel> channel, LiveCalls& calls,
               Method<Request, Response> method)
      : Stream(std::move(hub), over, std::move(channel), calls), method_(method) {}

  // Messages that were sent before wait for it.
  void start(const std::string& token) override {
    {
      std::lock_guard lock(mutex_);
      self_ = this->shared_from_this();
    }
    // etcd then ends the stream when its member has lost the leader, instead of
    // leaving us with a member that is cut off.
    context_.AddMetadata("hasleader", "true");
    if (!token.empty()) context_.AddMetadata("token", token);
    method_.open(channel(), &context_, this);
    this->AddHold();
    this->StartRead(&incoming_);
    this->StartCall();
    push();
  }

  // Takes its place in the order of messages; cheap, so it may be done under a lock of
  // the caller's. True: the caller must push() soon, without that lock. Lost silently
  // when the stream has ended: the hub is told.
  [[nodiscard]] bool queue(Request message) {
    std::lock_guard lock(mutex_);
    if (ended_) return false;
    queue_.push_back(std::move(message));
    if (busy_) return false;
    busy_ = true;
    ++starting_;
    return true;
  }

  void push() {
    write_next();
    leave_start();
  }

  void cancel() override { context_.TryCancel(); }

 protected:
  virtual void on_message(Response& message) = 0;  // one at a time

 private:
  void OnReadDone(bool ok) override {
    if (ok) {
      on_message(incoming_);
      this->StartRead(&incoming_);
      return;
    }
    std::unique_lock lock(mutex_);
    ended_ = true;
    release_hold(lock);
  }

  void OnWriteDone(bool ok) override {
    if (ok) write_next();  // else the reads fail too, and end it all
  }

  void OnDone(const grpc::Status& status) override {
    std::shared_ptr<DuplexStream> self;
    {
      std::lock_guard lock(mutex_);
      self.swap(self_);
    }
    hub().ended(*this, status);
  }

  // Called by whoever made the stream busy, and by each write that is over.
  void write_next() {
    {
      std::lock_guard lock(mutex_);
      busy_ = !queue_.empty() && !ended_;
      if (!busy_) return;
      outgoing_ = std::move(queue_.front());
      queue_.pop_front();
    }
    this->StartWrite(&outgoing_);
  }

  void leave_start() {
    std::unique_lock lock(mutex_);
    --starting_;
    release_hold(lock);
  }

  // gRPC may finish the call when the reads have ended and no thread is about to
  // start a write.
  void release_hold(std::unique_lock<std::mutex>& lock) {
    if (!ended_ || starting_ > 0 || released_) return;
    released_ = true;
    lock.unlock();
    this->RemoveHold();
  }

  const Method<Request, Response> method_;
  grpc::ClientContext context_;
  Response incoming_;
  Request outgoing_;

  std::mutex mutex_;
  // guarded by mutex_:
  std::shared_ptr<DuplexStream> self_;
  std::deque<Request> queue_;
  bool busy_ = true;  // a write is under way, or the stream not started
  int starting_ = 1;  // threads that may be inside StartWrite() without being a reaction; start() is the first
  bool ended_ = false;
  bool released_ = false;
};

}  // namespace idetcd::internal::transport
