// The bounds of ClaimOptions.
#include <idetcd/slot_claimer.h>

#include <catch2/catch.hpp>

using namespace idetcd;
using namespace std::chrono_literals;

namespace {

// The option that check() refuses; empty: none.
std::string refused_option(const ClaimOptions& options) {
  const Status checked = check(options);
  if (checked) return {};
  CHECK(checked.error().code == ErrorCode::kInvalidArgument);
  return checked.error().option;
}

}  // namespace

TEST_CASE("a claim option out of its bounds is named") {
  CHECK(refused_option({}).empty());
  CHECK(refused_option({.ttl = 2s}).empty());
  CHECK(refused_option({.ttl = 1s}) == "ttl");
  CHECK(refused_option({.ttl = 24h}).empty());
  CHECK(refused_option({.ttl = 24h + 1s}) == "ttl");
  CHECK(refused_option({.path = std::string(512, 'p')}).empty());
  CHECK(refused_option({.path = std::string(513, 'p')}) == "path");
  CHECK(refused_option({.node_id = std::string(128, 'n')}).empty());
  CHECK(refused_option({.node_id = std::string(129, 'n')}) == "node-id");
  CHECK(refused_option({.node_id = "a/b"}) == "node-id");
  CHECK(refused_option({.node_id = "a", .sticky = 1s}).empty());
  CHECK(refused_option({.sticky = 1s, .state_dir = "/tmp"}).empty());
  CHECK(refused_option({.sticky = 1s}) == "sticky");
  CHECK(refused_option({.node_id = "a", .sticky = 24h * 365 + 1s}) == "sticky");
}
