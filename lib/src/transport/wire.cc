#include "transport/wire.h"

#include <utility>

namespace idetcd::internal::transport {
namespace {

// etcd refuses an empty key; the first key of all is one zero byte.
std::string begin_of(const KeyRange& keys) {
  return keys.begin.empty() && !keys.end.empty() ? std::string(1, '\0') : keys.begin;
}

template <class Message>
void encode_keys(const KeyRange& keys, Message& message) {
  message.set_key(begin_of(keys));
  if (!keys.end.empty()) message.set_range_end(keys.end);
}

pb::Compare::CompareResult encode(Compare::Op op) {
  switch (op) {
    case Compare::Op::kEqual: return pb::Compare::EQUAL;
    case Compare::Op::kGreater: return pb::Compare::GREATER;
    case Compare::Op::kLess: return pb::Compare::LESS;
    case Compare::Op::kNotEqual: return pb::Compare::NOT_EQUAL;
  }
  return pb::Compare::EQUAL;
}

void encode(const Compare& compare, pb::Compare& message) {
  message.set_key(compare.key);
  message.set_range_end(compare.end);
  message.set_result(encode(compare.op));
  switch (compare.target) {
    case Compare::Target::kVersion:
      message.set_target(pb::Compare::VERSION);
      message.set_version(compare.number);
      return;
    case Compare::Target::kCreateRevision:
      message.set_target(pb::Compare::CREATE);
      message.set_create_revision(compare.number);
      return;
    case Compare::Target::kModRevision:
      message.set_target(pb::Compare::MOD);
      message.set_mod_revision(compare.number);
      return;
    case Compare::Target::kLease:
      message.set_target(pb::Compare::LEASE);
      message.set_lease(compare.number);
      return;
    case Compare::Target::kValue:
      message.set_target(pb::Compare::VALUE);
      message.set_value(compare.text);
      return;
  }
}

struct OperationEncoder {
  pb::RequestOp& message;

  void operator()(const RangeRequest& range) const { transport::encode(range, *message.mutable_request_range()); }
  void operator()(const PutRequest& put) const {
    auto& target = *message.mutable_request_put();
    target.set_key(put.key);
    target.set_value(put.value);
    target.set_lease(put.lease);
  }
  void operator()(const DeleteRequest& remove) const {
    encode_keys(remove.keys, *message.mutable_request_delete_range());
  }
  void operator()(const std::unique_ptr<Txn>& txn) const { transport::encode(*txn, *message.mutable_request_txn()); }
};

KeyValue decode(pb::KeyValue& message) {
  return {.key = std::move(*message.mutable_key()),
          .value = std::move(*message.mutable_value()),
          .create_revision = message.create_revision(),
          .mod_revision = message.mod_revision(),
          .version = message.version(),
          .lease = message.lease()};
}

Result<OperationReply> decode(pb::ResponseOp& message) {
  switch (message.response_case()) {
    case pb::ResponseOp::kResponseRange: return OperationReply(transport::decode(*message.mutable_response_range()));
    case pb::ResponseOp::kResponsePut: return OperationReply(PutReply{});
    case pb::ResponseOp::kResponseDeleteRange:
      return OperationReply(DeleteReply{message.response_delete_range().deleted()});
    case pb::ResponseOp::kResponseTxn: {
      auto nested = transport::decode(*message.mutable_response_txn());
      if (!nested) return std::move(nested).error();
      return OperationReply(std::make_unique<TxnReply>(std::move(*nested)));
    }
    case pb::ResponseOp::RESPONSE_NOT_SET: break;
  }
  return Error{ErrorCode::kInternal, "etcd answered a transaction with an operation that idetcd did not ask for"};
}

}  // namespace

void encode(const RangeRequest& request, pb::RangeRequest& message) {
  encode_keys(request.keys, message);
  message.set_limit(request.limit);
  message.set_revision(request.revision);
  message.set_keys_only(request.keys_only);
  message.set_count_only(request.count_only);
  if (request.sort == SortBy::kCreateRevision) {  // by key is etcd's own order
    message.set_sort_order(pb::RangeRequest::ASCEND);
    message.set_sort_target(pb::RangeRequest::CREATE);
  }
}

void encode(const Txn& txn, pb::TxnRequest& message) {
  for (const auto& compare : txn.compares) encode(compare, *message.add_compare());
  for (const auto& operation : txn.success) std::visit(OperationEncoder{*message.add_success()}, operation);
  for (const auto& operation : txn.failure) std::visit(OperationEncoder{*message.add_failure()}, operation);
}

void encode(const WatchRequest& request, pb::WatchCreateRequest& message) {
  encode_keys(request.keys, message);
  message.set_start_revision(request.start_revision);
}

Header decode(const pb::ResponseHeader& message) {
  return {message.cluster_id(), message.member_id(), message.revision(), message.raft_term()};
}

RangeReply decode(pb::RangeResponse& message) {
  RangeReply reply;
  reply.header = decode(message.header());
  reply.kvs.reserve(static_cast<std::size_t>(message.kvs_size()));
  for (auto& kv : *message.mutable_kvs()) reply.kvs.push_back(decode(kv));
  reply.count = message.count();
  reply.more = message.more();
  return reply;
}

Result<TxnReply> decode(pb::TxnResponse& message) {
  TxnReply reply;
  reply.header = decode(message.header());
  reply.succeeded = message.succeeded();
  reply.replies.reserve(static_cast<std::size_t>(message.responses_size()));
  for (auto& response : *message.mutable_responses()) {
    auto operation = decode(response);
    if (!operation) return std::move(operation).error();
    reply.replies.push_back(std::move(*operation));
  }
  return reply;
}

Event decode(pb::Event& message) {
  return {message.type() == pb::Event::DELETE ? Event::Type::kDelete : Event::Type::kPut,
          decode(*message.mutable_kv())};
}

}  // namespace idetcd::internal::transport
