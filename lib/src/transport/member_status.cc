#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>
#include <idetcd/member_status.h>

#include "transport/checked_options.h"
#include "transport/deadline.h"
#include "transport/failure.h"
#include "transport/fork_check.h"
#include "transport/method.h"
#include "transport/server_version.h"

namespace idetcd {
namespace {

using namespace internal::transport;
namespace pb = internal::pb;

MemberStatus to_status(const pb::StatusResponse& answer, std::chrono::microseconds latency) {
  MemberStatus status;
  status.version = answer.version();
  status.cluster = answer.header().cluster_id();
  status.leader = answer.leader() != 0 && answer.leader() == answer.header().member_id();
  status.has_leader = answer.leader() != 0;
  status.database_size = answer.db_size();
  status.alarms.assign(answer.errors().begin(), answer.errors().end());
  status.latency = latency;
  if (may_revoke_living_leases(answer.version()))
    status.known_bugs.emplace_back(
        "a leader that goes on after it was stopped for long may end leases that live (etcd issue 15247; fixed in "
        "3.4.31, 3.5.13 and 3.6.0)");
  return status;
}

Result<MemberStatus> ask(const Endpoint& endpoint, const CheckedOptions& checked, const EtcdOptions& options,
                         std::chrono::milliseconds timeout) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  if (!options.tls.server_name.empty()) arguments.SetSslTargetNameOverride(options.tls.server_name);
  const auto channel = grpc::CreateCustomChannel(endpoint.target, checked.credentials(), arguments);
  grpc::ClientContext context;
  context.set_deadline(from_now(timeout));
  context.set_wait_for_ready(false);
  pb::StatusResponse answer;
  const auto begin = std::chrono::steady_clock::now();
  const auto status = kStatus.ask(channel, context, &answer);
  const auto latency = std::chrono::steady_clock::now() - begin;
  if (!status.ok()) return to_error(status, endpoint);
  return to_status(answer, std::chrono::duration_cast<std::chrono::microseconds>(latency));
}

}  // namespace

Result<std::vector<MemberAnswer>> member_statuses(const EtcdOptions& options, std::chrono::milliseconds timeout) {
  if (auto forked = forked_from_user_of_grpc()) return *std::move(forked);
  const auto checked = checked_options(options);
  if (!checked) return checked.error();
  note_use_of_grpc();
  std::vector<MemberAnswer> answers;
  for (const Endpoint& endpoint : checked->endpoints.members)
    answers.push_back({endpoint.url, ask(endpoint, *checked, options, timeout)});
  return answers;
}

}  // namespace idetcd
