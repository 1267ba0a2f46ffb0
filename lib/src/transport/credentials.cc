#include "transport/credentials.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

namespace idetcd::internal::transport {
namespace {

Error refused(std::string message) {
  return {ErrorCode::kInvalidArgument, std::move(message)};
}

Result<std::string> read_pem(const std::string& path, std::string_view what, std::string_view marker) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file.is_open() || file.bad()) {
    return refused(fmt::format("cannot read the {} \"{}\": {}", what, path, std::strerror(errno)));
  }
  if (text.find(marker) == std::string::npos) {
    return refused(fmt::format("the {} \"{}\" is not PEM: it has no \"{}\" line", what, path, marker));
  }
  return text;
}

bool any_set(const TlsOptions& options) {
  return !(options.ca_file.empty() && options.cert_file.empty() && options.key_file.empty() &&
           options.server_name.empty());
}

}  // namespace

Result<std::shared_ptr<grpc::ChannelCredentials>> make_credentials(const TlsOptions& options, bool tls) {
  if (!tls) {
    if (any_set(options))
      return refused("TLS files or a server name are given, but the endpoints are http://; write https://");
    return grpc::InsecureChannelCredentials();
  }
  if (options.cert_file.empty() != options.key_file.empty()) {
    return refused(options.key_file.empty() ? "a client certificate is given without its key (key_file)"
                                            : "a client key is given without its certificate (cert_file)");
  }
  grpc::SslCredentialsOptions ssl;
  if (!options.ca_file.empty()) {
    auto pem = read_pem(options.ca_file, "CA file", "-----BEGIN CERTIFICATE-----");
    if (!pem) return std::move(pem).error();
    ssl.pem_root_certs = std::move(*pem);
  }
  if (!options.cert_file.empty()) {
    auto certificate = read_pem(options.cert_file, "client certificate", "-----BEGIN CERTIFICATE-----");
    if (!certificate) return std::move(certificate).error();
    auto key = read_pem(options.key_file, "client key", "PRIVATE KEY-----");
    if (!key) return std::move(key).error();
    ssl.pem_cert_chain = std::move(*certificate);
    ssl.pem_private_key = std::move(*key);
  }
  return grpc::SslCredentials(ssl);
}

}  // namespace idetcd::internal::transport
