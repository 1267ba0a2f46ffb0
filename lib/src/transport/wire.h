// The values of etcd.h to and from their protobuf messages.
#pragma once

#include <idetcd/etcd.h>

#include "idetcd/etcd.pb.h"

namespace idetcd::internal::transport {

void encode(const RangeRequest& request, pb::RangeRequest& message);
void encode(const Txn& txn, pb::TxnRequest& message);
void encode(const WatchRequest& request, pb::WatchCreateRequest& message);

// These move keys and values out of the message. kInternal: an answer that does not
// fit the request.
Header decode(const pb::ResponseHeader& message);
RangeReply decode(pb::RangeResponse& message);
Result<TxnReply> decode(pb::TxnResponse& message);
Event decode(pb::Event& message);

}  // namespace idetcd::internal::transport
