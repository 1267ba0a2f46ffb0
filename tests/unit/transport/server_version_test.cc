#include "transport/server_version.h"

#include <catch2/catch.hpp>

using idetcd::internal::transport::may_revoke_living_leases;

TEST_CASE("releases of etcd that may end living leases") {
  for (const char* version : {"3.3.27", "3.4.0", "3.4.23", "3.4.30", "3.5.0", "3.5.12", "3.5.12-pre"}) {
    INFO(version);
    CHECK(may_revoke_living_leases(version));
  }
  for (const char* version :
       {"3.4.31", "3.4.99", "3.5.13", "3.6.0", "3.6.5", "3.7.0-alpha.0", "4.0.0", "", "3", "3.4", "three", "3.x.1"}) {
    INFO(version);
    CHECK_FALSE(may_revoke_living_leases(version));
  }
}
