// Watches: all watches over one stream.
#pragma once

#include <idetcd/etcd.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

#include "transport/stream_hub.h"

namespace idetcd::internal::transport {

// Thread-safe. The stream is opened by the first watch, and after a break by the next
// one, at the member that is current then. When that member is left, for whatever call it
// did not answer, its watches end: they would tell nothing until it goes on.
//
// A quiet stream may be one that nothing happens on, or a member that hangs. Where a watch
// asked for it (WatchRequest::prove_every), a quiet member is asked to read a key. When it is
// late the next one is asked too, and if that answers first, the quiet one is left. Not for
// a progress notification: etcd's grpc-proxy 3.4 ends when it gets such a request.
class Watches : public StreamHub {
 public:
  Watches(Channels& channels, Authenticator& authenticator);
  ~Watches() override;

  // The Watch may outlive the hub.
  std::unique_ptr<Watch> watch(const WatchRequest& request, Etcd::WatchCallback callback);

  void shutdown() override;

  void leave(const Member& member);  // its watches end with kUnavailable

 private:
  class WatchStream;
  class Handle;
  struct Watcher;
  struct Proof;
  using WatcherPtr = std::shared_ptr<Watcher>;

  void join(const WatcherPtr& watcher);
  void on_message(WatchStream& stream, pb::WatchResponse& message);
  void on_created(WatchStream& stream, pb::WatchResponse& message);
  void on_events(WatchStream& stream, pb::WatchResponse& message);
  void on_canceled(WatchStream& stream, const pb::WatchResponse& message);
  void refused(WatchStream& stream, const WatcherPtr& watcher, const pb::WatchResponse& message,
               std::unique_lock<std::mutex>& lock);
  void on_end(Stream& stream, const Error& error, std::unique_lock<std::mutex>& lock) override;
  void cancel(Watcher& watcher);
  void drop(WatchStream& stream, std::int64_t id);                                   // with mutex_ held
  bool joins_again(WatchStream& stream, Watcher& watcher, std::string_view reason);  // with mutex_ held
  void notify(Watcher& watcher, std::unique_lock<std::mutex>& lock, Result<WatchBatch> batch);

  void expect_proof(const std::shared_ptr<WatchStream>& stream, const WatchRequest& request);  // with mutex_ held
  void set_quiet_alarm(const std::shared_ptr<WatchStream>& stream);                            // with mutex_ held
  void on_quiet(const std::shared_ptr<WatchStream>& stream);
  void ask_for_proof(const std::shared_ptr<Proof>& proof, Member& member);
  void on_late(const std::shared_ptr<Proof>& proof, Member& member);
  void on_proof(const std::shared_ptr<Proof>& proof, Member& member, const grpc::Status& status, const Header& header);
  void proved(const std::shared_ptr<WatchStream>& stream, std::unique_lock<std::mutex>& lock, const Header& header);
  void not_proved(const std::shared_ptr<WatchStream>& stream, std::unique_lock<std::mutex>& lock,
                  const grpc::Status& status);

  // guarded by mutex_:
  std::shared_ptr<WatchStream> current_;
  std::int64_t last_id_ = 0;
};

}  // namespace idetcd::internal::transport
