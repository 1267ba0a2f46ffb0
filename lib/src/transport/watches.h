// Watches: all watches over one stream.
#pragma once

#include <idetcd/etcd.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>

#include "transport/authenticator.h"
#include "transport/channels.h"

namespace idetcd::internal::transport {

// Thread-safe. The stream is opened by the first watch, and after a break by the next
// one, at the member that is current then.
class Watches : public std::enable_shared_from_this<Watches> {
 public:
  Watches(Channels& channels, Authenticator& authenticator);
  ~Watches();

  std::unique_ptr<Watch> watch(const WatchRequest& request, Etcd::WatchCallback callback);

  // Ends all watches and waits until no callback runs; none is told. After the
  // Authenticator's shutdown; once, before the Channels go. Watch objects may outlive it.
  void shutdown();

 private:
  class Stream;
  class Handle;
  struct Watcher;

  void join(const std::shared_ptr<Watcher>& watcher);
  void start(const std::shared_ptr<Stream>& stream, const Result<std::string>& token);
  void on_message(Stream& stream, pb::WatchResponse& message);
  void on_created(Stream& stream, pb::WatchResponse& message);
  void on_events(Stream& stream, pb::WatchResponse& message);
  void on_canceled(Stream& stream, const pb::WatchResponse& message);
  void on_end(Stream& stream, const Error& error);
  void cancel(Watcher& watcher);
  void drop(Stream& stream, std::int64_t id);                                   // with mutex_ held
  bool joins_again(Stream& stream, Watcher& watcher, std::string_view reason);  // with mutex_ held
  void notify(Watcher& watcher, std::unique_lock<std::mutex>& lock, Result<WatchBatch> batch);

  Channels& channels_;
  Authenticator& authenticator_;

  std::mutex mutex_;
  std::condition_variable changed_;
  // guarded by mutex_:
  std::shared_ptr<Stream> current_;
  std::set<std::shared_ptr<Stream>> live_;
  std::int64_t last_id_ = 0;
  int calling_back_ = 0;
  bool closed_ = false;
};

}  // namespace idetcd::internal::transport
