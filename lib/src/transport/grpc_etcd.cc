// Etcd over gRPC: puts the parts of this folder together.
#include <fmt/format.h>
#include <google/protobuf/arena.h>
#include <idetcd/etcd.h>

#include <unistd.h>
#include <array>
#include <utility>

#include "transport/authenticator.h"
#include "transport/channels.h"
#include "transport/checked_options.h"
#include "transport/fork_check.h"
#include "transport/keep_alives.h"
#include "transport/method.h"
#include "transport/unary.h"
#include "transport/watches.h"
#include "transport/wire.h"

namespace idetcd {
namespace transport = internal::transport;
namespace {

using transport::Member;
using transport::Resend;
using transport::StatusCallback;
namespace pb = internal::pb;

// The messages of one call, in one block on the stack unless they are large.
class Messages {
 public:
  template <class Message>
  Message& make() {
    return *google::protobuf::Arena::CreateMessage<Message>(&arena_);
  }

 private:
  static google::protobuf::ArenaOptions options(std::array<char, 4096>& block) {
    google::protobuf::ArenaOptions options;
    options.initial_block = block.data();
    options.initial_block_size = block.size();
    return options;
  }

  std::array<char, 4096> block_;
  google::protobuf::Arena arena_{options(block_)};
};

// In a forked child.
class NoWatch final : public Watch {};

class GrpcEtcd final : public Etcd {
 public:
  GrpcEtcd(const transport::Endpoints& endpoints, const std::shared_ptr<grpc::ChannelCredentials>& credentials,
           const EtcdOptions& options)
      : channels_(endpoints, credentials, options),
        authenticator_(channels_, options),
        unary_(channels_, authenticator_),
        keep_alives_(std::make_shared<transport::KeepAlives>(channels_, authenticator_, options.log)),
        watches_(std::make_shared<transport::Watches>(channels_, authenticator_)) {
    channels_.on_leave([this](const Member& member) { watches_->leave(member); });
  }

  ~GrpcEtcd() override {
    authenticator_.shutdown();
    keep_alives_->shutdown();
    watches_->shutdown();
  }

  Result<RangeReply> range(const RangeRequest& request, const CallOptions& options) override {
    if (auto forked = transport::forked_from_user_of_grpc()) return *std::move(forked);
    Messages messages;
    auto& question = messages.make<pb::RangeRequest>();
    auto& answer = messages.make<pb::RangeResponse>();
    transport::encode(request, question);
    const auto start = [&](Member& member, grpc::ClientContext* context, StatusCallback done) {
      answer.Clear();
      transport::kRange.call(member.channel, context, &question, &answer, std::move(done));
    };
    if (auto ok = unary_.call(start, Resend::kAlways, options); !ok) return std::move(ok).error();
    return transport::decode(answer);
  }

  Result<TxnReply> txn(const Txn& txn, const CallOptions& options) override {
    if (auto forked = transport::forked_from_user_of_grpc()) return *std::move(forked);
    Messages messages;
    auto& question = messages.make<pb::TxnRequest>();
    auto& answer = messages.make<pb::TxnResponse>();
    transport::encode(txn, question);
    const auto start = [&](Member& member, grpc::ClientContext* context, StatusCallback done) {
      answer.Clear();
      transport::kTxn.call(member.channel, context, &question, &answer, std::move(done));
    };
    if (auto ok = unary_.call(start, Resend::kNever, options); !ok) return std::move(ok).error();
    return transport::decode(answer);
  }

  Result<LeaseGrantReply> lease_grant(LeaseId id, std::chrono::seconds ttl, const CallOptions& options) override {
    if (auto forked = transport::forked_from_user_of_grpc()) return *std::move(forked);
    pb::LeaseGrantRequest question;
    pb::LeaseGrantResponse answer;
    question.set_id(id);
    question.set_ttl(ttl.count());
    const auto start = [&](Member& member, grpc::ClientContext* context, StatusCallback done) {
      transport::kLeaseGrant.call(member.channel, context, &question, &answer, std::move(done));
    };
    if (auto ok = unary_.call(start, Resend::kNever, options); !ok) return std::move(ok).error();
    return LeaseGrantReply{transport::decode(answer.header()), answer.id(), std::chrono::seconds(answer.ttl())};
  }

  Status lease_revoke(LeaseId id, const CallOptions& options) override {
    if (auto forked = transport::forked_from_user_of_grpc()) return *std::move(forked);
    pb::LeaseRevokeRequest question;
    pb::LeaseRevokeResponse answer;
    question.set_id(id);
    const auto start = [&](Member& member, grpc::ClientContext* context, StatusCallback done) {
      transport::kLeaseRevoke.call(member.channel, context, &question, &answer, std::move(done));
    };
    return unary_.call(start, Resend::kNever, options);
  }

  void lease_keep_alive(LeaseId lease, std::chrono::milliseconds timeout, KeepAliveCallback done) override {
    if (auto forked = transport::forked_from_user_of_grpc()) return done(*std::move(forked));
    keep_alives_->request(lease, timeout, std::move(done));
  }

  std::unique_ptr<Watch> watch(const WatchRequest& request, WatchCallback callback) override {
    if (auto forked = transport::forked_from_user_of_grpc()) {
      callback(*std::move(forked));
      return std::make_unique<NoWatch>();
    }
    return watches_->watch(request, std::move(callback));
  }

 private:
  transport::Channels channels_;
  transport::Authenticator authenticator_;
  transport::Unary unary_;
  const std::shared_ptr<transport::KeepAlives> keep_alives_;
  const std::shared_ptr<transport::Watches> watches_;
};

}  // namespace

Status check(const EtcdOptions& options) {
  const auto good = transport::checked_options(options);
  if (!good) return good.error();
  return {};
}

Result<std::shared_ptr<Etcd>> connect(const EtcdOptions& options) {
  if (auto forked = transport::forked_from_user_of_grpc()) return *std::move(forked);
  const auto good = transport::checked_options(options);
  if (!good) return good.error();
  transport::note_use_of_grpc();
  // gRPC's threads stay behind in the parent, so in a forked child nobody would end the calls.
  const auto destroy = [pid = ::getpid()](GrpcEtcd* etcd) {
    if (::getpid() == pid) delete etcd;
  };
  return std::shared_ptr<Etcd>(new GrpcEtcd(good->endpoints, good->credentials(), options), destroy);
}

}  // namespace idetcd
