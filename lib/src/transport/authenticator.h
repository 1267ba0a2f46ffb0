// Authenticator: user and password into a token, once for everybody who waits for it.
#pragma once

#include <idetcd/etcd.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "transport/channels.h"
#include "transport/deadline.h"

namespace idetcd::internal::transport {

// Thread-safe. With no user every answer is the empty token, at once.
class Authenticator {
 public:
  using TokenCallback = std::function<void(Result<std::string>)>;

  Authenticator(Channels& channels, const EtcdOptions& options);

  bool enabled() const noexcept { return !user_.empty(); }

  // The token, from etcd when there is none yet. Empty: send none. Blocks until then,
  // the deadline or the stop request.
  Result<std::string> token(Deadline deadline, const std::stop_token& stop);

  // The same without blocking; on the caller's thread when the token is there.
  void with_token(TokenCallback done);

  // etcd refused `token`: the next caller gets a new one.
  void forget(const std::string& token);

  // Ends a call on its way, answers everybody who waits with kCancelled, and all later
  // callers too.
  void shutdown();

 private:
  struct Attempt;

  std::shared_ptr<Attempt> join_round();  // with mutex_ held; null: one is on its way already
  void retarget(Attempt& attempt);        // with mutex_ held
  void send(const std::shared_ptr<Attempt>& attempt);
  void finish(const std::shared_ptr<Attempt>& attempt, const grpc::Status& status);
  Error error_of(const grpc::Status& status, const Endpoint& endpoint) const;

  Channels& channels_;
  const std::string user_;
  const std::string password_;
  const std::chrono::milliseconds timeout_;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  // guarded by mutex_:
  std::optional<std::string> token_;
  std::optional<Error> last_error_;
  std::uint64_t rounds_ = 0;  // ended ones
  std::shared_ptr<Attempt> attempt_;
  std::vector<TokenCallback> waiting_;
  int calling_back_ = 0;
  bool closed_ = false;
};

}  // namespace idetcd::internal::transport
