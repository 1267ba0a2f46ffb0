// A server in this process that speaks etcd's calls as a test wants it: late, out of order,
// not at all.
#pragma once

#include <grpcpp/grpcpp.h>
#include <idetcd/etcd.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "etcdserverpb.grpc.pb.h"
#include "scripted_stream.h"
#include "support/etcd_process.h"

namespace idetcd::testing {

namespace pb = etcdserverpb;

struct LeaseService final : pb::Lease::Service, ScriptedStream<pb::LeaseKeepAliveRequest, pb::LeaseKeepAliveResponse> {
  std::atomic<std::int64_t> left{20};  // of every lease
  std::atomic<int> questions{0};       // what is left
  std::atomic<bool> refuses{false};    // new streams, as a member without a leader does

  grpc::Status LeaseKeepAlive(grpc::ServerContext*, Wire* wire) override {
    if (refuses) return {grpc::StatusCode::UNAVAILABLE, "etcdserver: no leader"};
    return serve(wire);
  }

  grpc::Status LeaseTimeToLive(grpc::ServerContext*, const pb::LeaseTimeToLiveRequest*,
                               pb::LeaseTimeToLiveResponse* response) override {
    ++questions;
    response->set_ttl(left);
    return grpc::Status::OK;
  }

  bool answer_lease(LeaseId lease, std::int64_t ttl) {
    pb::LeaseKeepAliveResponse response;
    response.set_id(lease);
    response.set_ttl(ttl);
    return answer(response);
  }
};

struct WatchService final : pb::Watch::Service, ScriptedStream<pb::WatchRequest, pb::WatchResponse> {
  grpc::Status Watch(grpc::ServerContext*, Wire* wire) override { return serve(wire); }

  std::int64_t id_of(std::size_t request) { return requests().at(request).create_request().watch_id(); }

  bool answer_created(std::int64_t id, const std::string& refusal = {}) {
    pb::WatchResponse response;
    response.set_watch_id(id);
    response.set_created(true);
    response.set_canceled(!refusal.empty());
    response.set_cancel_reason(refusal);
    return answer(response);
  }

  bool answer_events(std::int64_t id, const std::vector<Revision>& revisions) {
    pb::WatchResponse response;
    response.set_watch_id(id);
    for (const auto revision : revisions) response.add_events()->mutable_kv()->set_mod_revision(revision);
    return answer(response);
  }
};

struct KvService final : pb::KV::Service {
  std::atomic<bool> hangs{false};
  std::atomic<int> reads{0};
  std::atomic<int> to_lose{0};  // reads that are never answered, as by a member that had no leader when it was asked

  grpc::Status Range(grpc::ServerContext* context, const pb::RangeRequest*, pb::RangeResponse*) override {
    ++reads;
    const bool lost = to_lose-- > 0;
    while ((hangs || lost) && !context->IsCancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return grpc::Status::OK;
  }
};

struct MaintenanceService final : pb::Maintenance::Service {
  std::string version = "3.4.31";

  grpc::Status Status(grpc::ServerContext*, const pb::StatusRequest*, pb::StatusResponse* response) override {
    response->set_version(version);
    return grpc::Status::OK;
  }
};

// On a free port of the loopback.
class ScriptedEtcd {
 public:
  explicit ScriptedEtcd(std::string version = "3.4.31") {
    maintenance.version = std::move(version);
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    for (grpc::Service* service : {static_cast<grpc::Service*>(&lease), static_cast<grpc::Service*>(&watch),
                                   static_cast<grpc::Service*>(&kv), static_cast<grpc::Service*>(&maintenance)}) {
      builder.RegisterService(service);
    }
    server_ = builder.BuildAndStart();
  }
  ~ScriptedEtcd() { server_->Shutdown(std::chrono::system_clock::now()); }

  std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(port_); }

  LeaseService lease;
  WatchService watch;
  KvService kv;
  MaintenanceService maintenance;

 private:
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

inline std::future<Result<KeepAliveReply>> ask(Etcd& etcd, LeaseId lease, std::chrono::milliseconds timeout) {
  auto promise = std::make_shared<std::promise<Result<KeepAliveReply>>>();
  etcd.lease_keep_alive(lease, timeout,
                        [promise](Result<KeepAliveReply> reply) { promise->set_value(std::move(reply)); });
  return promise->get_future();
}

}  // namespace idetcd::testing
