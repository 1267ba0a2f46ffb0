#include <catch2/catch.hpp>

#include <fstream>

#include "support/etcd_process.h"
#include "transport/endpoint.h"

namespace idetcd {
using namespace internal;
namespace {

using transport::Endpoint;
using transport::parse_endpoints;

std::string refusal(const std::vector<std::string>& texts) {
  const auto endpoints = parse_endpoints(texts);
  if (endpoints) return "accepted";
  CHECK(endpoints.error().code == ErrorCode::kInvalidArgument);
  CHECK(endpoints.error().option == "endpoints");
  return endpoints.error().message;
}

TEST_CASE("endpoints that are taken") {
  const auto endpoints = parse_endpoints({"http://10.0.0.1:2379", "etcd-1.example:2379", "http://[::1]:65535/"});
  REQUIRE(endpoints);
  CHECK_FALSE(endpoints->tls);
  CHECK(endpoints->members == std::vector<Endpoint>{{"http://10.0.0.1:2379", "dns:///10.0.0.1:2379"},
                                                    {"http://etcd-1.example:2379", "dns:///etcd-1.example:2379"},
                                                    {"http://[::1]:65535", "dns:///[::1]:65535"}});
  CHECK(parse_endpoints({"https://localhost:2379"})->tls);
}

TEST_CASE("endpoints that are refused, each with its remedy") {
  using Catch::Contains;
  CHECK_THAT(refusal({}), Contains("at least one"));
  CHECK_THAT(refusal({"http://a:1", ""}), Contains("comma"));
  CHECK_THAT(refusal(std::vector<std::string>(65, "a:1")), Contains("64"));
  CHECK_THAT(refusal({"ftp://a:1"}), Contains("\"ftp\"") && Contains("http://"));
  CHECK_THAT(refusal({"HTTP://a:1"}), Contains("\"HTTP\""));
  CHECK_THAT(refusal({"http://a"}), Contains("port is missing") && Contains("2379"));
  CHECK_THAT(refusal({"http://a:"}), Contains("port is missing"));
  for (const auto* port : {"0", "65536", "99999999999", "x", "-1", "+1", "2379x", " 1"}) {
    CHECK_THAT(refusal({std::string("http://a:") + port}), Contains("bad port"));
  }
  CHECK_THAT(refusal({"http://:2379"}), Contains("host is missing"));
  CHECK_THAT(refusal({"http://a:1/v3"}), Contains("path"));
  CHECK_THAT(refusal({"http://a:1?x"}), Contains("path"));
  CHECK_THAT(refusal({"http://me:secret@a:1"}), Contains("password"));
  CHECK_THAT(refusal({"http://::1:2379"}), Contains("brackets"));
  CHECK_THAT(refusal({"http://[::1"}), Contains("brackets"));
  CHECK_THAT(refusal({"http://[nonsense]:1"}), Contains("IPv6"));
  CHECK_THAT(refusal({"http://a b:1"}), Contains("\"a b\""));
  CHECK_THAT(refusal({"a:1", "https://b:2"}), Contains("mixed"));
}

Error refused_options(const EtcdOptions& options) {
  const auto etcd = connect(options);
  REQUIRE_FALSE(etcd);
  CHECK(etcd.error().code == ErrorCode::kInvalidArgument);
  const auto good = check(options);
  REQUIRE_FALSE(good);
  CHECK(good.error() == etcd.error());  // one check
  return etcd.error();
}

TEST_CASE("a refused option is named, as in a Corefile") {
  EtcdOptions options;
  CHECK(check(options));
  options.endpoints = {"http://a:b"};
  CHECK(refused_options(options).option == "endpoints");
  options.endpoints = {"http://localhost:2379"};
  options.tls.cert_file = "/c";
  CHECK(refused_options(options).option == "cert");  // TLS files without TLS
  options.tls = {.ca_file = {}, .cert_file = {}, .key_file = {}, .server_name = "etcd.example"};
  CHECK(refused_options(options).option.empty());
  options.endpoints = {"https://localhost:2379"};
  CHECK(check(options));
  options.tls = {.ca_file = "/nonexistent/ca.pem"};
  CHECK(refused_options(options).option == "cacert");
  options.tls = {.ca_file = {}, .cert_file = {}, .key_file = "/k", .server_name = {}};
  CHECK(refused_options(options).option == "key");  // without its certificate
  options.tls.cert_file = "/nonexistent/cert.pem";
  CHECK(refused_options(options).option == "cert");
  options.tls = {};
  options.password = "secret";
  CHECK(refused_options(options).option == "password");
  options.user = "me";
  CHECK(check(options));
}

TEST_CASE("connect() checks the rest of the options") {
  using Catch::Contains;
  const testing::TemporaryFolder folder("options");
  const auto not_pem = (folder.path() / "not-pem").string();
  std::ofstream(not_pem) << "hello";
  EtcdOptions options;
  options.endpoints = {"https://localhost:2379"};

  options.tls.ca_file = "/nonexistent/ca.pem";
  CHECK_THAT(refused_options(options).message, Contains("/nonexistent/ca.pem") && Contains("No such file"));
  options.tls.ca_file = folder.path().string();
  CHECK_THAT(refused_options(options).message, Contains("Is a directory"));
  options.tls.ca_file = not_pem;
  CHECK_THAT(refused_options(options).message, Contains("not PEM"));
  options.tls = {.ca_file = {}, .cert_file = {}, .key_file = "/k", .server_name = {}};
  CHECK_THAT(refused_options(options).message, Contains("key") && Contains("without its certificate"));
  options.tls = {.ca_file = {}, .cert_file = "/c", .key_file = {}, .server_name = {}};
  CHECK_THAT(refused_options(options).message, Contains("certificate") && Contains("without its key"));

  options.endpoints = {"http://localhost:2379"};
  CHECK_THAT(refused_options(options).message, Contains("https://"));

  options.tls = {};
  options.password = "secret";
  CHECK_THAT(refused_options(options).message, Contains("user"));
  options.password.clear();
  options.connect_timeout = std::chrono::milliseconds(0);
  CHECK_THAT(refused_options(options).message, Contains("connect timeout"));
}

}  // namespace
}  // namespace idetcd
