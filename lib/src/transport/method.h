// Method: a call of etcd's v3 API by its full path, and the messages it takes.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/codegen/proto_utils.h>

#include <functional>
#include <memory>

#include "idetcd/etcd.pb.h"

namespace idetcd::internal::transport {

template <class Question, class Answer>
struct Method {
  const char* path;

  // As a generated stub's: `done` on a thread of gRPC's; what is pointed at outlives the call.
  void call(const std::shared_ptr<grpc::Channel>& channel, grpc::ClientContext* context, const Question* question,
            Answer* answer, std::function<void(grpc::Status)> done) const {
    grpc::TemplatedGenericStub<Question, Answer>(channel).UnaryCall(context, path, {}, question, answer,
                                                                    std::move(done));
  }

  // Blocks until the answer or the context's deadline. On no thread of gRPC's, so the
  // channel may go with the caller (LiveCalls says why that matters).
  // Of a question without contents.
  grpc::Status ask(const std::shared_ptr<grpc::Channel>& channel, grpc::ClientContext& context, Answer* answer) const {
    grpc::CompletionQueue done;
    grpc::Status status;
    const auto call =
        grpc::TemplatedGenericStub<Question, Answer>(channel).PrepareUnaryCall(&context, path, Question(), &done);
    call->StartCall();
    call->Finish(answer, &status, &status);
    void* tag = nullptr;
    bool ok = false;
    done.Next(&tag, &ok);
    return status;
  }

  // The call starts with the reactor's StartCall().
  void open(const std::shared_ptr<grpc::Channel>& channel, grpc::ClientContext* context,
            grpc::ClientBidiReactor<Question, Answer>* reactor) const {
    grpc::TemplatedGenericStub<Question, Answer>(channel).PrepareBidiStreamingCall(context, path, {}, reactor);
  }
};

inline constexpr Method<pb::RangeRequest, pb::RangeResponse> kRange{"/etcdserverpb.KV/Range"};
inline constexpr Method<pb::TxnRequest, pb::TxnResponse> kTxn{"/etcdserverpb.KV/Txn"};
inline constexpr Method<pb::LeaseGrantRequest, pb::LeaseGrantResponse> kLeaseGrant{"/etcdserverpb.Lease/LeaseGrant"};
inline constexpr Method<pb::LeaseRevokeRequest, pb::LeaseRevokeResponse> kLeaseRevoke{
    "/etcdserverpb.Lease/LeaseRevoke"};
inline constexpr Method<pb::LeaseKeepAliveRequest, pb::LeaseKeepAliveResponse> kLeaseKeepAlive{
    "/etcdserverpb.Lease/LeaseKeepAlive"};
inline constexpr Method<pb::LeaseTimeToLiveRequest, pb::LeaseTimeToLiveResponse> kLeaseTimeToLive{
    "/etcdserverpb.Lease/LeaseTimeToLive"};
inline constexpr Method<pb::WatchRequest, pb::WatchResponse> kWatch{"/etcdserverpb.Watch/Watch"};
inline constexpr Method<pb::AuthenticateRequest, pb::AuthenticateResponse> kAuthenticate{
    "/etcdserverpb.Auth/Authenticate"};
inline constexpr Method<pb::StatusRequest, pb::StatusResponse> kStatus{"/etcdserverpb.Maintenance/Status"};

}  // namespace idetcd::internal::transport
