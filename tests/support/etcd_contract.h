// What idetcd relies on an Etcd for, as cases that every Etcd must pass: the fake, and
// the transport to a real one. Facts of etcd 3.4; wherever a fake could differ from it
// there is a case here.
//
// A case keeps to its own prefix, so the etcd may be shared; but compact() forgets
// everybody's history, and fall_silent() concerns all who share it.
#pragma once

#include <idetcd/etcd.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace idetcd::testing {

struct EtcdFixture {
  std::shared_ptr<Etcd> etcd;
  std::string prefix;                                  // of all keys of this case
  std::function<void(std::chrono::seconds)> let_pass;  // on etcd's clock
  // Empty: what needs it is left out.
  std::function<void(Revision)> compact;
  // Nothing is refused, but nothing is answered. Empty: what needs it is left out.
  std::function<void()> fall_silent;
  std::function<void()> answer_again;
};

struct ContractCase {
  const char* name;
  void (*run)(const EtcdFixture& fixture);  // uses Catch2's REQUIRE and CHECK
};

// In groups, each in its own file.
std::vector<ContractCase> kv_contract();
std::vector<ContractCase> txn_contract();
std::vector<ContractCase> lease_contract();
std::vector<ContractCase> watch_contract();

std::vector<ContractCase> etcd_contract();  // all of them

}  // namespace idetcd::testing
