// The transport and a real etcd together keep the contract that the fake keeps.
#include "support/etcd_contract.h"

#include "support/etcd_process.h"

#include <catch2/catch.hpp>

#include <optional>
#include <string>
#include <thread>

namespace idetcd::testing {
namespace {

// An etcd of its own for all cases: they compact it and stop its process for a while.
// Without one, if an outside etcd was named, the cases that need that are left out.
TEST_CASE("etcd over gRPC keeps the contract", "[contract]") {
  static std::optional<EtcdProcess> own;
  if (!own && !uses_outside_etcd()) own.emplace();

  EtcdFixture fixture;
  fixture.etcd = own ? connect_for_test({own->endpoint()}) : connect_for_test();
  fixture.prefix = random_prefix();
  // etcd's clock is the real one.
  fixture.let_pass = [](std::chrono::seconds time) { std::this_thread::sleep_for(time); };
  if (own) {
    fixture.compact = [](Revision at) { own->compact(at); };
    fixture.fall_silent = [] { own->pause(); };
    fixture.answer_again = [] { own->resume(); };
  }
  for (const ContractCase& contract : etcd_contract()) {
    DYNAMIC_SECTION(contract.name) {
      contract.run(fixture);
    }
  }
}

}  // namespace
}  // namespace idetcd::testing
