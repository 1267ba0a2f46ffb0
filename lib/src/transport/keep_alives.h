// KeepAlives: the keep-alives of all leases over one stream.
#pragma once

#include <idetcd/etcd.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <set>

#include "transport/authenticator.h"
#include "transport/channels.h"

namespace idetcd::internal::transport {

// Thread-safe. The stream is opened by the first request, and after a break by the
// next one, at the member that is current then.
class KeepAlives : public std::enable_shared_from_this<KeepAlives> {
 public:
  KeepAlives(Channels& channels, Authenticator& authenticator);
  ~KeepAlives();

  void request(LeaseId lease, std::chrono::milliseconds timeout, Etcd::KeepAliveCallback done);

  // Answers all outstanding requests with kCancelled and waits until no callback
  // runs. After the Authenticator's shutdown; once, before the Channels go.
  void shutdown();

 private:
  class Stream;
  struct Request;

  std::shared_ptr<Stream> open();  // with mutex_ held
  void start(const std::shared_ptr<Stream>& stream, const Result<std::string>& token);
  void on_answer(Stream& stream, LeaseId lease, const KeepAliveReply& reply);
  void on_timeout(const std::shared_ptr<Request>& request);
  void on_end(Stream& stream, const Error& error);
  void answer(Request& request, std::unique_lock<std::mutex>& lock, Result<KeepAliveReply> result);

  Channels& channels_;
  Authenticator& authenticator_;

  std::mutex mutex_;
  std::condition_variable changed_;
  // guarded by mutex_:
  std::shared_ptr<Stream> current_;
  std::set<std::shared_ptr<Stream>> live_;
  int calling_back_ = 0;
  bool closed_ = false;
};

}  // namespace idetcd::internal::transport
