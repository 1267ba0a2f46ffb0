// One pool of its own on the tests' etcd, and what its claims leave there.
#pragma once

#include <idetcd/idetcd.h>

#include "support/etcd_process.h"
#include "support/eventually.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>

namespace idetcd::testing {

inline PatternTemplate worker_names(SlotId limit) {
  return *PatternTemplate::parse("worker{{.ID}}.tf.local.", limit);
}

inline Record at(const char* address) {
  Record record;
  record.ipv4.push_back(*parse_ipv4(address));
  return record;
}

struct ClaimPool {
  explicit ClaimPool(SlotId limit, std::shared_ptr<Etcd> to = connect_for_test())
      : etcd(std::move(to)), pattern(worker_names(limit)) {
    options.path = random_prefix();
    options.ttl = std::chrono::seconds(5);
  }

  Result<Claim> claim(std::stop_token stop = {}) const {
    return SlotClaimer(etcd, pattern, options).claim(at("10.0.0.1"), stop);
  }

  std::string key(SlotId slot) const { return options.path + std::string(pattern.render(slot)); }
  bool present(SlotId slot) const { return count(KeyRange::one(key(slot))) == 1; }
  std::string root() const { return "/idetcd/" + options.path + pattern.canonical() + "/"; }
  std::size_t tickets() const { return count(KeyRange::prefix(root() + "queue/")); }
  std::size_t plans() const { return count(KeyRange::prefix(root() + "plan")); }  // and planners
  // What is there, once etcd answers: it may have been away a moment ago.
  std::size_t count(const KeyRange& keys) const {
    std::size_t found = 0;
    REQUIRE(eventually([&] {
      const auto reply = etcd->range({.keys = keys, .count_only = true}, {});
      if (reply) found = static_cast<std::size_t>(reply->count);
      return reply.has_value();
    }));
    return found;
  }
  void put_foreign(SlotId slot, LeaseId lease = 0) const {
    Txn txn;
    txn.success.emplace_back(PutRequest{key(slot), R"({"ipv4":"10.9.9.9","port":"53"})", lease});
    REQUIRE(etcd->txn(txn, {}).has_value());
  }

  std::shared_ptr<Etcd> etcd;
  PatternTemplate pattern;
  ClaimOptions options;
};

}  // namespace idetcd::testing
