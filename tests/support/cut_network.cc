#include "support/cut_network.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

namespace idetcd::testing {
namespace {

bool run(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
}

void must(const std::string& command) {
  if (!run(command)) throw std::runtime_error("failed: " + command);
}

std::string address(std::size_t host, int end) {
  return "10.77." + std::to_string(host) + "." + std::to_string(end);
}

}  // namespace

bool CutNetwork::possible() {
  static const bool is = [] {
    const std::string name = "idetcd-try-" + std::to_string(getpid());
    return geteuid() == 0 && run("ip netns add " + name) && run("ip netns del " + name);
  }();
  return is;
}

std::string CutNetwork::name(const std::string& what) const {
  return "idetcd-" + std::to_string(getpid()) + "-" + what;
}

CutNetwork::CutNetwork(std::size_t hosts) : hosts_(hosts) {
  const std::string router = name("router");
  must("ip netns add " + router);
  must("ip netns exec " + router + " sysctl -qw net.ipv4.ip_forward=1");
  for (std::size_t host = 0; host < hosts; ++host) {
    const std::string netns = name(std::to_string(host));
    const std::string port = "to" + std::to_string(host);
    must("ip netns add " + netns);
    must("ip link add " + port + " netns " + router + " type veth peer name wire netns " + netns);
    must("ip -n " + router + " addr add " + address(host, 1) + "/24 dev " + port);
    must("ip -n " + router + " link set " + port + " up");
    must("ip -n " + netns + " addr add " + address(host, 2) + "/24 dev wire");
    must("ip -n " + netns + " link set wire up");
    must("ip -n " + netns + " link set lo up");
    must("ip -n " + netns + " route add default via " + address(host, 1));
  }
}

CutNetwork::~CutNetwork() {
  for (std::size_t host = 0; host < hosts_; ++host) run("ip netns del " + name(std::to_string(host)));
  run("ip netns del " + name("router"));
}

void CutNetwork::enter_last() const {
  const std::string path = "/run/netns/" + name(std::to_string(hosts_ - 1));
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool entered = fd >= 0 && setns(fd, CLONE_NEWNET) == 0;
  if (fd >= 0) close(fd);
  if (!entered) throw std::runtime_error("cannot enter " + path);
}

Place CutNetwork::place(std::size_t host) const {
  return {address(host, 2), name(std::to_string(host))};
}

void CutNetwork::lose(std::size_t from, std::size_t to) {
  const std::string rule = "from " + address(from, 2) + " to " + address(to, 2) + " blackhole";
  must("ip -n " + name("router") + " rule add " + rule);
  rules_.push_back(rule);
}

void CutNetwork::cut(std::size_t one, std::size_t other) {
  lose(one, other);
  lose(other, one);
}

void CutNetwork::heal() {
  for (const auto& rule : rules_) must("ip -n " + name("router") + " rule del " + rule);
  rules_.clear();
}

}  // namespace idetcd::testing
