// The programs of examples/, as a reader would run them.
#include <catch2/catch.hpp>

#include "support/etcd_process.h"
#include "support/program.h"

using idetcd::testing::EtcdProcess;
using idetcd::testing::kPatience;
using idetcd::testing::Program;

TEST_CASE("the worker learns its name, and gives it back when it ends", "[examples][own-etcd]") {
  const EtcdProcess etcd;
  for (int run = 0; run < 2; ++run) {
    Program worker({.argv = {IDETCD_EXAMPLE_WORKER, etcd.endpoint()}});
    REQUIRE(worker.wait_for(kPatience) == 0);
    CHECK(worker.output() == "I am worker1.tf.local.; Enter ends me\n");
  }
}

TEST_CASE("the worker says what is wrong when no name is to be had", "[examples][own-etcd]") {
  const EtcdProcess etcd;
  for (int slot = 1; slot <= 5; ++slot) etcd.etcdctl({"put", "worker" + std::to_string(slot) + ".tf.local.", "{}"});
  Program worker({.argv = {IDETCD_EXAMPLE_WORKER, etcd.endpoint()}});
  REQUIRE(worker.wait_for(kPatience) == 75);
  CHECK(worker.errors().find("worker{{.ID}}.tf.local. is taken") != std::string::npos);
}

TEST_CASE("a write with an old token is refused", "[examples][own-etcd]") {
  const EtcdProcess etcd;
  Program fenced({.argv = {IDETCD_EXAMPLE_FENCED_WRITE, etcd.endpoint()}});
  REQUIRE(fenced.wait_for(kPatience) == 0);
  CHECK(fenced.output().find("\nrefused ") != std::string::npos);
}
