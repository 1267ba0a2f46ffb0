// How the programs behave towards the person who runs them.
#include <sys/types.h>

#include <catch2/catch.hpp>

#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include "common/exit_status.h"
#include "support/eventually.h"
#include "support/program.h"

using namespace idetcd::testing;
using namespace idetcd::app;
using namespace std::chrono_literals;

namespace {

// Flags for one more daemon of the pool at `path`.
std::vector<std::string> flags(const std::string& path, std::vector<std::string> more = {}) {
  std::vector<std::string> all{"--endpoints", test_endpoints().front(),  "--path",      path,
                               "--pattern",   "worker{{.ID}}.tf.local.", "--advertise", "10.0.0.1"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("signals that mean nothing yet are logged, and the name is kept") {
  Resolver node(flags(random_prefix()));
  REQUIRE(node.name() == "worker1.tf.local.");
  const std::vector<std::pair<int, std::string>> signals{
      {SIGHUP, "received SIGHUP: the configuration cannot be reloaded"},
      {SIGUSR1, "received SIGUSR1: the configuration cannot be reloaded"},
      {SIGUSR2, "received SIGUSR2, which has no effect"},
      {SIGPIPE, "received SIGPIPE, which has no effect"}};
  for (const auto& [number, message] : signals) {
    CAPTURE(message);
    node.program().signal(number);
    CHECK(eventually([&] { return has(node.program().errors(), message); }));
    REQUIRE(node.program().running());
  }
  CHECK(answer(node.port(), "worker1.tf.local.") == "10.0.0.1");
  node.program().signal(SIGTERM);
  CHECK(node.program().wait_for(kPatience) == 0);
}
