// idetcd release NAME: takes a name from its owner.
#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <iostream>
#include <memory>
#include <string>

#include "common/configuration/command_line.h"
#include "common/system/exit_status.h"
#include "common/values/printable.h"
#include "pools/inquiry.h"
#include "pools/name_text.h"
#include "subcommand.h"

namespace idetcd::tool {
namespace {

struct ReleaseOptions {
  std::string name;
  std::string node;  // empty: not told
  bool force = false;
  bool yes = false;
};

bool says_yes(const std::string& question) {
  if (::isatty(STDIN_FILENO) == 0)
    throw app::Exit(app::kExitUsage, "there is no terminal to confirm on; add --yes if that is what you want");
  fmt::print(stderr, "{} [y/N] ", question);
  std::string answer;
  return std::getline(std::cin, answer) && (answer == "y" || answer == "Y" || answer == "yes");
}

// Throws app::Exit if it may not be released.
void check_allowed(const PoolName& name, const ReleaseOptions& options) {
  const std::string owner = name.record.node.empty() ? "a node without an id" : app::printable(name.record.node);
  if (!options.node.empty() && options.node == name.record.node) return;
  if (!options.force)
    throw app::Exit(
        app::kExitUsage,
        fmt::format("{} is held by {}; add --force to take it from there, or --node ID if that is this node", name.name,
                    owner));
  const std::string question =
      fmt::format("{} is held by {} ({}), which loses it at once and may claim again. Release it?", name.name, owner,
                  app::printable(fmt::format("{}", fmt::join(addresses_of(name.record), " "))));
  if (!options.yes && !says_yes(question)) throw app::Exit(kExitNo, "nothing was released");
}

// Only while it is as it was read: nobody else may have it meanwhile. With it goes what else its
// node keeps under its lease.
void release(Etcd& etcd, const ListedPool& pool, const PoolName& name) {
  Txn txn;
  const std::string key = pool.path + name.name;
  txn.compares.push_back(Compare::modified_at(key, name.mod_revision));
  txn.success.emplace_back(DeleteRequest{KeyRange::one(key)});
  const auto done = etcd.txn(txn, {});
  if (!done) throw app::Exit(done.error());
  if (!done->succeeded)
    throw app::Exit(app::kExitTryLater, fmt::format("{} has changed meanwhile; nothing was released", name.name));
  if (name.lease == 0) return;
  const auto revoked = etcd.lease_revoke(name.lease, {});
  if (!revoked && revoked.error().code != ErrorCode::kNotFound) throw app::Exit(revoked.error());
}

int run_release(const app::GivenFlags& given, const ReleaseOptions& options) {
  const Inquiry inquiry = open_inquiry(given);
  const auto pools = read_pools(inquiry);
  const FoundName found = find_name(pools, options.name);
  if (found.taken == nullptr) {
    fmt::print(stderr, "{} is free already\n", found.pool.pattern.render(found.slot));
    return app::kExitOk;
  }
  check_allowed(*found.taken, options);
  release(*inquiry.etcd, found.pool, *found.taken);
  fmt::print("released {}\n", found.taken->name);
  return app::kExitOk;
}

}  // namespace

void add_release(CLI::App& program, Run& run) {
  CLI::App* command = program.add_subcommand(
      "release",
      "Give NAME back, for a node that is gone or must go: its record is deleted and its lease ends. One's own\n"
      "with --node ID, anybody's with --force, which asks first. A node that still runs loses the name at once\n"
      "and, unless it is told otherwise (on-lost), claims one again. Status 1: the question was answered with no.");
  const auto given = std::make_shared<app::GivenFlags>();
  const auto options = std::make_shared<ReleaseOptions>();
  command->add_option("NAME", options->name, "e.g. worker4.tf.local.")->required();
  command->add_option("--node", options->node, "the node id that the owner has")
      ->type_name("ID")
      ->envname("IDETCD_NODE");
  command->add_flag("--force", options->force, "whoever holds it");
  command->add_flag("--yes", options->yes, "do not ask");
  using enum app::SettingGroup;
  app::add_flags(*command, {kEtcd, kPool, kLog}, *given);
  command->callback([given, options, &run] { run = [given, options] { return run_release(*given, *options); }; });
}

}  // namespace idetcd::tool
