// Unary calls: blocking on top of gRPC's callbacks, with failover and sign-in.
#pragma once

#include <grpcpp/client_context.h>
#include <idetcd/etcd.h>

#include <functional>
#include <mutex>

#include "transport/admission.h"
#include "transport/authenticator.h"
#include "transport/channels.h"
#include "transport/deadline.h"

namespace idetcd::internal::transport {

using StatusCallback = std::function<void(grpc::Status)>;

// Starts one try of a call at a member. What it refers to outlives the try.
using StartCall = std::function<void(Member&, grpc::ClientContext*, StatusCallback)>;

enum class Resend {
  kNever,  // a write: goes out once
  kAlways  // a read: may be tried at other members
};

// Thread-safe; thousands of threads may call at once.
class Unary {
 public:
  Unary(Channels& channels, Authenticator& authenticator) : channels_(channels), authenticator_(authenticator) {}

  // Blocks until the answer, the deadline or the stop request. A call that certainly
  // was not applied (no connection, token refused) is tried again whatever it is.
  Status call(const StartCall& start, Resend resend, const CallOptions& options);

 private:
  Error explain(const grpc::Status& status, Member& member, Deadline deadline);

  // Enough to keep etcd busy. More only make a queue inside it, in which others' calls
  // and watch events wait too (tests/bench/dns/README.md, "From commit to answer").
  static constexpr std::size_t kMaxUnderWay = 64;

  Channels& channels_;
  Authenticator& authenticator_;
  Admission admission_{kMaxUnderWay};
  std::mutex probing_;  // one scheme probe at a time, however many calls fail
};

}  // namespace idetcd::internal::transport
