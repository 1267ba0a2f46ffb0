// idetcd demo: the whole of it, shown and verified on one machine.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "common/configuration/command_line.h"
#include "common/system/exit_status.h"
#include "common/system/shutdown.h"
#include "common/values/values.h"
#include "demo_cluster.h"
#include "query/dns_query.h"
#include "subcommand.h"

namespace idetcd::tool {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr int kExitNotShown = 1;  // something did not happen as claimed

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// The acts of the demonstration, in order. Every line it prints was checked before.
class Demo {
 public:
  Demo(const DemoOptions& options, app::Shutdown& shutdown) : options_(options), shutdown_(shutdown) {}

  int run() {
    const auto start = Clock::now();
    set_the_stage();
    try {
      claim_names();
      ask_everywhere();
      lose_a_node();
      replace_it();
      leave();
    } catch (const app::Exit& exit) {
      if (exit.status() == kExitNotShown) show_logs();
      throw;
    }
    say("\nEverything verified in {:.1f} s.\n", seconds_since(start));
    return app::kExitOk;
  }

 private:
  template <class... Arguments>
  static void say(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    fmt::print(format, std::forward<Arguments>(arguments)...);
    std::fflush(stdout);
  }

  [[noreturn]] static void fail(const std::string& what) { throw app::Exit(kExitNotShown, what); }

  // Waits until `holds`; ends the demo with `otherwise` if that takes too long.
  void await(const std::function<bool()>& holds, std::chrono::milliseconds most, const std::string& otherwise) {
    const auto deadline = Clock::now() + most;
    while (!holds()) {
      if (Clock::now() > deadline) fail(otherwise);
      if (shutdown_.wait_for(5ms)) throw app::Exit(128 + shutdown_.signal(), "stopped by a signal");
    }
  }

  void set_the_stage() {
    say("Starting a private etcd ... ");
    cluster_ = std::make_unique<DemoCluster>(options_);
    say("{}\n\nOne configuration for every node:\n\n{}\n", cluster_->endpoint(), cluster_->corefile());
  }

  void claim_names() {
    say("Starting {} nodes at once ... ", options_.nodes);
    const auto start = Clock::now();
    for (unsigned i = 0; i < options_.nodes; ++i) cluster_->start_node();
    await([this] { return cluster_->records()->size() == options_.nodes; }, 30s, "not every node has claimed a name");
    say("{} names claimed in {:.2f} s:\n\n", options_.nodes, seconds_since(start));

    const auto records = cluster_->records();
    std::set<std::string> owners;
    for (SlotId slot = 1; slot <= options_.nodes; ++slot) {
      const auto record = records->find(slot);
      if (!record) fail(fmt::format("{} is not claimed", cluster_->pattern().render(slot)));
      const DemoNode* node = cluster_->owner(*record);
      if (node == nullptr) fail(fmt::format("{} is claimed by an unknown node", cluster_->pattern().render(slot)));
      owners.insert(node->ipv4);
      say("  {:<20} {:<12} {:<12} (process {})\n", cluster_->pattern().render(slot), node->ipv4, node->ipv6,
          node->process.pid());
    }
    if (owners.size() != options_.nodes) fail("two names have the same owner");
  }

  // The addresses of `slot` as `server` answers, or the rcode.
  std::string answer(const DemoNode& server, SlotId slot, QueryType type) const {
    const auto reply = ask({server.ipv4, cluster_->port(), std::string(cluster_->pattern().render(slot)), type});
    if (!reply) return reply.error().message;
    if (reply->addresses.empty()) return reply->rcode;
    return fmt::format("{}", fmt::join(reply->addresses, " "));
  }

  void ask_everywhere() {
    const auto& nodes = cluster_->nodes();
    const std::set<std::size_t> asked{0, nodes.size() / 2, nodes.size() - 1};
    for (const std::size_t at : asked) {
      const DemoNode& server = nodes[at];
      say("\nAsking node {} at {}:{}\n", server.number, server.ipv4, cluster_->port());
      for (SlotId slot = 1; slot <= options_.nodes; ++slot) {
        const DemoNode& owner = *cluster_->owner(*cluster_->records()->find(slot));
        expect(server, slot, QueryType::kA, owner.ipv4);
        expect(server, slot, QueryType::kAaaa, owner.ipv6);
        say("  {:<20} A {:<12} AAAA {}\n", cluster_->pattern().render(slot), owner.ipv4, owner.ipv6);
      }
    }
  }

  void expect(const DemoNode& server, SlotId slot, QueryType type, const std::string& right) {
    await([&] { return answer(server, slot, type) == right; }, 5s,
          fmt::format("node {}: expected {} for {}, got {}", server.number, right, cluster_->pattern().render(slot),
                      answer(server, slot, type)));
  }

  // A node that is not `slot`'s owner.
  const DemoNode& other_than(const DemoNode& one) {
    for (const DemoNode& node : cluster_->nodes()) {
      if (node.number != one.number) return node;
    }
    fail("there is only one node");
  }

  void lose_a_node() {
    lost_ = options_.nodes / 2 + 1;
    const std::string name(cluster_->pattern().render(lost_));
    DemoNode& victim = *cluster_->owner(*cluster_->records()->find(lost_));
    const DemoNode& witness = other_than(victim);
    say("\nKilling {} (kill -9 {}); its lease expires in at most {} s\n", name, victim.process.pid(),
        options_.ttl.count());
    victim.process.signal(SIGKILL);
    const auto killed = Clock::now();
    if (!victim.process.wait_for(5s)) fail("the process does not exit");
    if (answer(witness, lost_, QueryType::kA) != victim.ipv4) fail("its name went before the lease ended");
    say("  node {} still answers {} for {}\n", witness.number, victim.ipv4, name);
    await([&] { return answer(witness, lost_, QueryType::kA) == "NXDOMAIN"; }, options_.ttl + 10s,
          fmt::format("{} is still there", name));
    say("  {:.1f} s later the lease has ended: NXDOMAIN\n", seconds_since(killed));
    std::erase_if(cluster_->nodes(), [number = victim.number](const DemoNode& node) { return node.number == number; });
  }

  void replace_it() {
    say("\nStarting a new node ... ");
    const auto start = Clock::now();
    const DemoNode& fresh = cluster_->start_node();
    // Our own news of the old record's end may come later than the witness's.
    const auto owned_by_fresh = [&] {
      const auto record = cluster_->records()->find(lost_);
      const DemoNode* owner = record ? cluster_->owner(*record) : nullptr;
      return owner != nullptr && owner->number == fresh.number;
    };
    await(owned_by_fresh, 10s, "the new node has not claimed the free name");
    const DemoNode& witness = other_than(fresh);
    expect(witness, lost_, QueryType::kA, fresh.ipv4);
    expect(witness, lost_, QueryType::kAaaa, fresh.ipv6);
    say("it took the free name in {:.2f} s\n  node {} answers {} {} for {}\n", seconds_since(start), witness.number,
        fresh.ipv4, fresh.ipv6, cluster_->pattern().render(lost_));
  }

  void leave() {
    say("\nStopping all nodes (SIGTERM) ... ");
    const auto start = Clock::now();
    for (DemoNode& node : cluster_->nodes()) node.process.signal(SIGTERM);
    for (DemoNode& node : cluster_->nodes()) {
      const auto code = node.process.wait_for(10s);
      if (!code) fail(fmt::format("node {} does not exit", node.number));
      if (*code != 0) fail(fmt::format("node {} exited with status {}", node.number, *code));
    }
    await([this] { return cluster_->records()->size() == 0; }, 2s, "a name was not released");
    say("every name was released in {:.2f} s\n", seconds_since(start));
  }

  void show_logs() const {
    for (const DemoNode& node : cluster_->nodes()) {
      fmt::print(stderr, "--- log of node {}\n{}", node.number, cluster_->log_of(node.number));
    }
  }

  const DemoOptions options_;
  app::Shutdown& shutdown_;
  std::unique_ptr<DemoCluster> cluster_;
  SlotId lost_ = 0;
};

}  // namespace

void add_demo(CLI::App& program, Run& run) {
  CLI::App* command = program.add_subcommand(
      "demo",
      "Show idetcd at work on this machine: a temporary etcd, and nodes that claim names, resolve\n"
      "each other, die and are replaced. Exit status 0 only if everything was verified.");
  const auto options = std::make_shared<DemoOptions>();
  const auto ttl = std::make_shared<std::string>("3s");
  command->add_option("--nodes", options->nodes, "number of nodes; default 5")
      ->check(CLI::Range(2, 200))
      ->type_name("N");
  command->add_option("--ttl", *ttl, "TTL of their leases; default 3s")->type_name("DURATION");
  command->add_option("--resolver", options->resolver, "the idetcd-resolver to run")->type_name("FILE");
  command->callback([options, ttl, &run] {
    run = [options, ttl] {
      const auto parsed = app::parse_duration(*ttl);
      if (!parsed || *parsed < 2s || *parsed > 1h)
        throw app::Exit(app::kExitUsage, fmt::format("--ttl: \"{}\" is out of range; expected 2s to 1h", *ttl));
      options->ttl = *parsed;
      app::Shutdown shutdown;
      return Demo(*options, shutdown).run();
    };
  });
}

}  // namespace idetcd::tool
