#include "transport/credentials.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>

namespace idetcd::internal::transport {
namespace {

Error refused(std::string_view option, std::string message) {
  return {ErrorCode::kInvalidArgument, std::move(message), std::string(option)};
}

struct PemFile {
  std::string_view option;
  std::string_view what;
  std::string_view marker;
};

constexpr PemFile kCa{"cacert", "CA file", "-----BEGIN CERTIFICATE-----"};
constexpr PemFile kCertificate{"cert", "client certificate", "-----BEGIN CERTIFICATE-----"};
constexpr PemFile kKey{"key", "client key", "PRIVATE KEY-----"};

Status read_pem(const PemFile& kind, const std::string& path, std::string& text) {
  if (path.empty()) return {};
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream read;
  read << file.rdbuf();  // catches what a failed read throws, of a folder for one
  text = read.str();
  if (!file.is_open() || (text.empty() && errno != 0)) {
    return refused(kind.option, fmt::format("cannot read the {} \"{}\": {}", kind.what, path, std::strerror(errno)));
  }
  if (text.find(kind.marker) == std::string::npos) {
    return refused(kind.option,
                   fmt::format("the {} \"{}\" is not PEM: it has no \"{}\" line", kind.what, path, kind.marker));
  }
  return {};
}

// The first one that is given; empty: none of them.
std::optional<std::string_view> given_option(const TlsOptions& options) {
  if (!options.ca_file.empty()) return kCa.option;
  if (!options.cert_file.empty()) return kCertificate.option;
  if (!options.key_file.empty()) return kKey.option;
  if (!options.server_name.empty()) return "";  // is no option of a Corefile
  return std::nullopt;
}

}  // namespace

Result<grpc::SslCredentialsOptions> read_tls_files(const TlsOptions& options, bool tls) {
  grpc::SslCredentialsOptions ssl;
  if (!tls) {
    const auto given = given_option(options);
    if (!given) return ssl;
    return refused(*given, "TLS files or a server name are given, but the endpoints are http://; write https://");
  }
  if (options.cert_file.empty() != options.key_file.empty()) {
    return options.key_file.empty() ? refused("cert", "a client certificate is given without its key; set key too")
                                    : refused("key", "a client key is given without its certificate; set cert too");
  }
  if (auto read = read_pem(kCa, options.ca_file, ssl.pem_root_certs); !read) return read.error();
  if (auto read = read_pem(kCertificate, options.cert_file, ssl.pem_cert_chain); !read) return read.error();
  if (auto read = read_pem(kKey, options.key_file, ssl.pem_private_key); !read) return read.error();
  return ssl;
}

}  // namespace idetcd::internal::transport
