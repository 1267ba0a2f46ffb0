#include "bench/etcd_metrics.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>
#include <stdexcept>

namespace idetcd::testing {
namespace {

std::string get_metrics(const std::string& endpoint) {
  const auto colon = endpoint.rfind(':');
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(endpoint.substr(colon + 1))));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const std::string request = "GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n";
  std::string answer;
  if (::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0 &&
      ::send(fd, request.data(), request.size(), 0) == static_cast<ssize_t>(request.size())) {
    char buffer[65536];
    for (ssize_t n; (n = ::recv(fd, buffer, sizeof buffer, 0)) > 0;) answer.append(buffer, static_cast<std::size_t>(n));
  }
  ::close(fd);
  return answer;
}

}  // namespace

double scrape(const std::string& endpoint, const std::string& name) {
  const std::string answer = get_metrics(endpoint);
  const auto at = answer.find("\n" + name + " ");
  if (at == std::string::npos) throw std::runtime_error("etcd at " + endpoint + " does not tell " + name);
  return std::stod(answer.substr(at + name.size() + 2));
}

}  // namespace idetcd::testing
