#include "transport/fork_check.h"

#include <fmt/format.h>

#include <unistd.h>
#include <atomic>

namespace idetcd::internal::transport {
namespace {

std::atomic<pid_t> user{0};  // the first process of this line of forks that used gRPC

}  // namespace

void note_use_of_grpc() noexcept {
  pid_t none = 0;
  user.compare_exchange_strong(none, ::getpid());
}

std::optional<Error> forked_from_user_of_grpc() {
  const pid_t first = user.load();
  if (first == 0 || first == ::getpid()) return std::nullopt;
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("process {} is a fork of process {}, which used etcd before: gRPC cannot work here; start a "
                           "new program with exec (in Python: multiprocessing's \"spawn\"), or fork before the first "
                           "connect()",
                           ::getpid(), first)};
}

}  // namespace idetcd::internal::transport
