// KeepAlives: the keep-alives of all leases, over one stream while all is well.
#pragma once

#include <idetcd/etcd.h>

#include <chrono>
#include <memory>
#include <vector>

#include "transport/stream_hub.h"

namespace idetcd::internal::transport {

// Thread-safe. The stream is opened by the first request, and after a break by the next
// one, at the member that is current then.
//
// A stream that owes an answer for too long is passed over: requests go over another
// one, at the next member, while the late answers still count when they come. The
// member is left when another has answered meanwhile. Where every member is late, a
// new stream may help at the same one, over a connection of its own: etcd renews the leases
// of a stream one after the other, and one renewal that waits for a leader holds up those
// behind it; and TCP sends what the network lost again after 0.2 s, 0.6 s, 1.4 s, 3 s, so that
// a connection may stay silent for as long again as the network was cut.
class KeepAlives : public StreamHub {
 public:
  KeepAlives(Channels& channels, Authenticator& authenticator, LogSink log);
  ~KeepAlives() override;

  void request(LeaseId lease, std::chrono::milliseconds timeout, Etcd::KeepAliveCallback done);

 private:
  class KeepAliveStream;
  struct Request;
  using StreamPtr = std::shared_ptr<KeepAliveStream>;
  using RequestPtr = std::shared_ptr<Request>;

  StreamPtr stream_for_next(bool& opened);          // with mutex_ held; then launch() what it opened
  bool may_open_at(const Member& member) const;     // with mutex_ held; when all streams are late
  StreamPtr newest_at(const Member& member) const;  // with mutex_ held
  StreamPtr open(Member& member, std::shared_ptr<grpc::Channel> channel);  // with mutex_ held; launch() must follow
  void on_answer(KeepAliveStream& stream, LeaseId lease, const KeepAliveReply& reply);
  void on_timeout(const RequestPtr& request);
  void on_end(Stream& stream, const Error& error, std::unique_lock<std::mutex>& lock) override;
  void leave_who_is_late(Member& better);
  void close_spare(KeepAliveStream& stream);
  void ask_what_is_left(KeepAliveStream& stream, const RequestPtr& request, const KeepAliveReply& reply);
  void ask_version(KeepAliveStream& stream);
  void answer(Request& request, std::unique_lock<std::mutex>& lock, const Result<KeepAliveReply>& result);

  const LogSink log_;
  // guarded by mutex_:
  std::vector<StreamPtr> streams_;  // that are open, the newest last
  Member* tried_ = nullptr;         // where a stream was opened last because all were late
  bool version_asked_ = false;
};

}  // namespace idetcd::internal::transport
