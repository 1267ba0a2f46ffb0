// Certificates made for one test with the openssl program, in a folder of its own.
#pragma once

#include <idetcd/etcd.h>

#include <string>

#include "support/etcd_process.h"

namespace idetcd::testing {

// Two authorities; the first has signed a certificate and key for localhost and
// 127.0.0.1, and another for the name etcd.example alone. Both serve for clients too.
// Throws std::runtime_error when openssl fails.
class TestCertificates {
 public:
  TestCertificates();

  std::string file(const std::string& name) const { return (folder_.path() / name).string(); }

  std::string ca() const { return file("ca.pem"); }
  std::string other_ca() const { return file("other-ca.pem"); }
  std::string loopback_cert() const { return file("loopback.pem"); }
  std::string loopback_key() const { return file("loopback.key"); }
  std::string named_cert() const { return file("named.pem"); }  // for "etcd.example"
  std::string named_key() const { return file("named.key"); }

  // For an etcd that serves TLS with this certificate; with `client_ca` it wants one
  // from its clients too.
  EtcdFlags serve(const std::string& cert, const std::string& key, const std::string& client_ca = {}) const;

 private:
  void make_authority(const std::string& name) const;
  void make_certificate(const std::string& name, const std::string& names) const;
  void openssl(const std::string& arguments) const;

  const TemporaryFolder folder_{"certificates"};
};

}  // namespace idetcd::testing
