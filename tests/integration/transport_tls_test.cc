// TLS, mutual TLS, and each way to get them wrong, against a real etcd.
#include <catch2/catch.hpp>

#include <fstream>

#include "integration/tries.h"
#include "support/test_certificates.h"

namespace idetcd::testing {
namespace {

std::shared_ptr<Etcd> connect_over_tls(const std::string& endpoint, TlsOptions tls) {
  EtcdOptions options;
  options.endpoints = {endpoint};
  options.tls = std::move(tls);
  auto etcd = connect(options);
  INFO((etcd ? "" : etcd.error().message));
  REQUIRE(etcd);
  return *etcd;
}

Error error_of_get(const std::string& endpoint, TlsOptions tls) {
  const auto reply = try_get(*connect_over_tls(endpoint, std::move(tls)), "/idetcd-test/tls");
  REQUIRE_FALSE(reply);
  CHECK_THAT(reply.error().message, Catch::Contains(endpoint));
  return reply.error();
}

std::string with_scheme(const std::string& scheme, const std::string& endpoint) {
  return scheme + endpoint.substr(endpoint.find("://"));
}

void check_calls_and_streams(Etcd& etcd) {
  REQUIRE(try_put(etcd, "/idetcd-test/tls", "x"));
  CHECK(try_get(etcd, "/idetcd-test/tls")->kvs.at(0).value == "x");
  REQUIRE(etcd.lease_grant(7001, std::chrono::seconds(20), {}));
  CHECK(keep_alive(etcd, 7001)->ttl == std::chrono::seconds(20));
  WatchLog watch(etcd, {KeyRange::one("/idetcd-test/tls"), 1});
  CHECK(watch.has_events(1));
}

TEST_CASE("TLS with the cluster's CA", "[tls][own-etcd]") {
  const TestCertificates certificates;
  const EtcdProcess server(certificates.serve(certificates.loopback_cert(), certificates.loopback_key()));
  const auto etcd = connect_over_tls(server.endpoint(), {.ca_file = certificates.ca()});
  check_calls_and_streams(*etcd);
}

TEST_CASE("mutual TLS", "[tls][own-etcd]") {
  const TestCertificates certificates;
  const EtcdProcess server(
      certificates.serve(certificates.loopback_cert(), certificates.loopback_key(), certificates.ca()));

  SECTION("with a certificate of its CA") {
    const auto etcd = connect_over_tls(
        server.endpoint(),
        {.ca_file = certificates.ca(), .cert_file = certificates.named_cert(), .key_file = certificates.named_key()});
    check_calls_and_streams(*etcd);
  }
  SECTION("without one the message says that it is wanted") {
    const auto error = error_of_get(server.endpoint(), {.ca_file = certificates.ca()});
    CHECK_THAT(error.message, Catch::Contains("client certificate"));
  }
}

TEST_CASE("a certificate for another name", "[tls][own-etcd]") {
  const TestCertificates certificates;
  const EtcdProcess server(certificates.serve(certificates.named_cert(), certificates.named_key()));

  SECTION("is refused") {
    const auto error = error_of_get(server.endpoint(), {.ca_file = certificates.ca()});
    CHECK(error.code == ErrorCode::kUntrusted);
    CHECK_THAT(error.message, Catch::Contains("name"));
  }
  SECTION("is taken when that name is expected") {
    const auto etcd =
        connect_over_tls(server.endpoint(), {.ca_file = certificates.ca(), .server_name = "etcd.example"});
    check_calls_and_streams(*etcd);
  }
}

TEST_CASE("the wrong CA", "[tls][own-etcd]") {
  const TestCertificates certificates;
  const EtcdProcess server(certificates.serve(certificates.loopback_cert(), certificates.loopback_key()));
  for (const auto& ca : {certificates.other_ca(), std::string()}) {  // empty: the system's
    const auto error = error_of_get(server.endpoint(), {.ca_file = ca});
    CHECK(error.code == ErrorCode::kUntrusted);
    CHECK_THAT(error.message, Catch::Contains("CA"));
  }
}

TEST_CASE("https:// to a plain etcd, and back", "[tls][own-etcd]") {
  const TestCertificates certificates;

  SECTION("https to plain") {
    const EtcdProcess server;
    const auto error = error_of_get(with_scheme("https", server.endpoint()), {.ca_file = certificates.ca()});
    CHECK(error.code == ErrorCode::kUntrusted);
    CHECK_THAT(error.message, Catch::Contains("write http://"));
  }
  SECTION("http to TLS") {
    const EtcdProcess server(certificates.serve(certificates.loopback_cert(), certificates.loopback_key()));
    const auto error = error_of_get(with_scheme("http", server.endpoint()), {});
    CHECK(error.code == ErrorCode::kUntrusted);
    CHECK_THAT(error.message, Catch::Contains("write https://"));
  }
}

TEST_CASE("an untrusted member is passed over", "[tls][own-etcd]") {
  const TestCertificates certificates;
  const EtcdProcess good(certificates.serve(certificates.loopback_cert(), certificates.loopback_key()));
  const EtcdProcess bad(certificates.serve(certificates.named_cert(), certificates.named_key()));
  EtcdOptions options;
  options.endpoints = {bad.endpoint(), good.endpoint()};
  options.tls.ca_file = certificates.ca();
  for (int start = 0; start < 8; ++start) {  // the first member is drawn by lot
    CHECK(try_put(**connect(options), "/idetcd-test/tls", "x"));
  }
}

TEST_CASE("TLS files that cannot be used", "[tls][own-etcd]") {
  const TestCertificates certificates;
  const auto garbage = certificates.file("garbage.pem");
  std::ofstream(garbage) << "-----BEGIN CERTIFICATE-----\ngarbage\n-----END CERTIFICATE-----\n";
  const EtcdProcess server(certificates.serve(certificates.loopback_cert(), certificates.loopback_key()));
  CHECK(error_of_get(server.endpoint(), {.ca_file = garbage}).code == ErrorCode::kUntrusted);
  CHECK(error_of_get(server.endpoint(), {.ca_file = certificates.ca(),
                                         .cert_file = certificates.named_cert(),
                                         .key_file = certificates.loopback_key()})
            .code == ErrorCode::kUntrusted);
}

}  // namespace
}  // namespace idetcd::testing
