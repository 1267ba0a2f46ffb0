#include "support/test_certificates.h"

#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace idetcd::testing {

TestCertificates::TestCertificates() {
  make_authority("ca");
  make_authority("other-ca");
  make_certificate("loopback", "DNS:localhost,IP:127.0.0.1");
  make_certificate("named", "DNS:etcd.example");
}

EtcdFlags TestCertificates::serve(const std::string& cert, const std::string& key, const std::string& client_ca) const {
  EtcdFlags flags;
  flags.scheme = "https";
  flags.extra = {"--cert-file=" + cert, "--key-file=" + key};
  if (!client_ca.empty()) {
    flags.extra.push_back("--client-cert-auth");
    flags.extra.push_back("--trusted-ca-file=" + client_ca);
  }
  return flags;
}

void TestCertificates::make_authority(const std::string& name) const {
  openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=" + name + "' -keyout " +
          file(name + ".key") + " -out " + file(name + ".pem"));
}

void TestCertificates::make_certificate(const std::string& name, const std::string& names) const {
  const auto request = file(name + ".csr");
  const auto extensions = file(name + ".ext");
  std::ofstream(extensions) << "subjectAltName=" << names << "\nextendedKeyUsage=serverAuth,clientAuth\n";
  openssl("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=" + name + "' -keyout " +
          file(name + ".key") + " -out " + request);
  openssl("x509 -req -in " + request + " -CA " + ca() + " -CAkey " + file("ca.key") + " -CAcreateserial -days 2 -out " +
          file(name + ".pem") + " -extfile " + extensions);
}

void TestCertificates::openssl(const std::string& arguments) const {
  const auto log = file("openssl.log");
  if (std::system(("openssl " + arguments + " >" + log + " 2>&1").c_str()) == 0) return;
  std::ifstream text(log);
  throw std::runtime_error("openssl " + arguments + ": " + std::string(std::istreambuf_iterator<char>(text), {}));
}

}  // namespace idetcd::testing
