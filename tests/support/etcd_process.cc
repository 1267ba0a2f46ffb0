#include "support/etcd_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <mutex>
#include <random>
#include <set>
#include <sstream>
#include <stdexcept>
#include <thread>

extern char** environ;

namespace idetcd::testing {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kStartLimit{30};
constexpr std::chrono::seconds kStopLimit{5};
constexpr std::chrono::milliseconds kPoll{10};

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what);
}

std::mt19937_64& random_source() {
  thread_local std::mt19937_64 source{std::random_device{}()};
  return source;
}

class Socket {
 public:
  Socket() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  ~Socket() { close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  bool bind_to(std::uint16_t port) const {
    const auto address = address_of("127.0.0.1", port);
    return bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }

  bool connect_to(const std::string& host, std::uint16_t port) const {
    const timeval limit{2, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    const auto address = address_of(host, port);
    return ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }

  std::string exchange(std::string_view request) const {
    std::string reply;
    if (::send(fd_, request.data(), request.size(), MSG_NOSIGNAL) < 0) return reply;
    std::array<char, 1024> buffer;
    for (ssize_t size; (size = recv(fd_, buffer.data(), buffer.size(), 0)) > 0;) {
      reply.append(buffer.data(), static_cast<std::size_t>(size));
    }
    return reply;
  }

 private:
  static sockaddr_in address_of(const std::string& host, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    inet_pton(AF_INET, host.c_str(), &address.sin_addr);
    return address;
  }

  const int fd_;
};

bool is_healthy(const std::string& host, std::uint16_t port) {
  const Socket socket;
  if (!socket.connect_to(host, port)) return false;
  const auto reply = socket.exchange("GET /health HTTP/1.0\r\n\r\n");
  return reply.find("\"health\":\"true\"") != std::string::npos;
}

std::string url_of(const std::string& scheme, const std::string& host, std::uint16_t port) {
  return scheme + "://" + host + ":" + std::to_string(port);
}

// Ours without ETCD_* and ETCDCTL_*: the developer's settings are not the test's.
std::vector<std::string> clean_environment() {
  std::vector<std::string> kept{"ETCDCTL_API=3"};
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (std::strncmp(*variable, "ETCD", 4) != 0) kept.emplace_back(*variable);
  }
  return kept;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (auto& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

// Only calls that are safe between fork and exec in a program with threads.
pid_t spawn_process(std::vector<std::string> command, int output) {
  auto environment = clean_environment();
  const auto argv = pointers(command);
  const auto envp = pointers(environment);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) fail(std::string("fork: ") + std::strerror(errno));
  if (child > 0) return child;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  execvpe(argv[0], argv.data(), envp.data());
  _exit(127);
}

std::string read_all(int fd) {
  std::string text;
  std::array<char, 4096> buffer;
  for (ssize_t size; (size = read(fd, buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<std::size_t>(size));
  }
  return text;
}

}  // namespace

TemporaryFolder::TemporaryFolder(const std::string& name) {
  auto pattern = (std::filesystem::temp_directory_path() / ("idetcd-" + name + "-XXXXXX")).string();
  if (mkdtemp(pattern.data()) == nullptr) fail("cannot make a folder " + pattern + ": " + std::strerror(errno));
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

// A process gets no port twice: who has one may not listen there yet.
std::uint16_t free_port() {
  static std::mutex mutex;
  static std::set<std::uint16_t> given;
  const std::lock_guard lock(mutex);
  std::uniform_int_distribution<int> ports(20000, 32000);
  for (int tries = 0; tries < 2000; ++tries) {
    const auto port = static_cast<std::uint16_t>(ports(random_source()));
    if (!given.contains(port) && Socket().bind_to(port)) return *given.insert(port).first;
  }
  fail("no free port found on the loopback");
}

EtcdProcess::EtcdProcess(EtcdFlags flags) : EtcdProcess(std::move(flags), Membership{}) {
  start();
}

EtcdProcess::EtcdProcess(EtcdFlags flags, Membership membership, Place place)
    : folder_("etcd"), flags_(std::move(flags)), place_(std::move(place)), membership_(std::move(membership)) {
  endpoint_ = url_of(flags_.scheme, place_.host, free_port());
  health_port_ = free_port();
  if (membership_.peer_url.empty()) membership_.peer_url = url_of("http", place_.host, free_port());
}

EtcdProcess::~EtcdProcess() {
  terminate();
}

std::vector<std::string> EtcdProcess::command() const {
  const auto& [name, peer_url, initial_cluster] = membership_;
  std::vector<std::string> command{
      "etcd",
      "--name=" + name,
      "--data-dir=" + (folder() / "data").string(),
      "--listen-client-urls=" + endpoint_,
      "--advertise-client-urls=" + endpoint_,
      "--listen-peer-urls=" + peer_url,
      "--initial-advertise-peer-urls=" + peer_url,
      "--initial-cluster=" + (initial_cluster.empty() ? name + "=" + peer_url : initial_cluster),
      "--listen-metrics-urls=" + url_of("http", place_.host, health_port_),
      "--bcrypt-cost=4",
      "--logger=zap",
      "--log-outputs=stderr"};
  command.insert(command.end(), flags_.extra.begin(), flags_.extra.end());
  if (!place_.netns.empty()) {
    const std::array<std::string, 4> prefix{"ip", "netns", "exec", place_.netns};  // becomes etcd: the same process
    command.insert(command.begin(), prefix.begin(), prefix.end());
  }
  return command;
}

void EtcdProcess::spawn() {
  const auto log = folder() / "etcd.log";
  const int output = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (output < 0) fail("cannot write " + log.string());
  pid_ = spawn_process(command(), output);
  close(output);
}

bool EtcdProcess::exited() {
  if (pid_ == 0) return true;
  if (waitpid(pid_, nullptr, WNOHANG) != pid_) return false;
  pid_ = 0;
  return true;
}

bool EtcdProcess::wait_until_serving(Clock::time_point deadline) {
  while (!is_healthy(place_.host, health_port_)) {
    if (exited()) return false;
    if (Clock::now() > deadline) fail("etcd does not serve in time; its log ends:\n" + log_tail());
    std::this_thread::sleep_for(kPoll);
  }
  return true;
}

void EtcdProcess::start() {
  if (pid_ != 0) return;
  const auto deadline = Clock::now() + kStartLimit;
  constexpr int kTries = 3;  // a port may be taken by somebody for a moment
  for (int tries = 0; tries < kTries; ++tries) {
    spawn();
    if (wait_until_serving(deadline)) return;
  }
  fail("etcd exits at start; its log ends:\n" + log_tail());
}

void EtcdProcess::kill() {
  if (exited()) return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

void EtcdProcess::terminate() {
  if (exited()) return;
  ::kill(pid_, SIGCONT);
  ::kill(pid_, SIGTERM);
  const auto deadline = Clock::now() + kStopLimit;
  while (!exited()) {
    if (Clock::now() > deadline) return kill();
    std::this_thread::sleep_for(kPoll);
  }
}

void EtcdProcess::pause() {
  if (pid_ == 0) fail("no etcd to pause");
  ::kill(pid_, SIGSTOP);
  int status = 0;
  waitpid(pid_, &status, WUNTRACED);  // stopped for certain, not soon
}

void EtcdProcess::resume() {
  if (pid_ != 0) ::kill(pid_, SIGCONT);
}

std::string EtcdProcess::etcdctl(const std::vector<std::string>& arguments) const {
  std::vector<std::string> command{"etcdctl", "--endpoints=" + endpoint_, "--command-timeout=10s"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  std::array<int, 2> pipe_ends;
  if (pipe2(pipe_ends.data(), O_CLOEXEC) != 0) fail("no pipe for etcdctl");
  const pid_t child = spawn_process(command, pipe_ends[1]);
  close(pipe_ends[1]);
  auto printed = read_all(pipe_ends[0]);
  close(pipe_ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (status != 0) fail("etcdctl " + arguments.front() + ": " + printed);
  return printed;
}

void EtcdProcess::compact(Revision revision) const {
  etcdctl({"compaction", "--physical", std::to_string(revision)});
}

void EtcdProcess::defragment() const {
  etcdctl({"defrag"});
}

std::string EtcdProcess::log_tail() const {
  constexpr std::size_t kMax = 4000;
  std::ifstream file(folder() / "etcd.log");
  std::stringstream text;
  text << file.rdbuf();
  const auto all = text.str();
  return all.substr(all.size() - std::min(all.size(), kMax));
}

EtcdCluster::EtcdCluster(std::size_t size, const EtcdFlags& flags) : EtcdCluster(std::vector<Place>(size), flags) {}

EtcdCluster::EtcdCluster(const std::vector<Place>& places, const EtcdFlags& flags) {
  std::vector<EtcdProcess::Membership> memberships;
  std::string initial_cluster;
  for (std::size_t i = 0; i < places.size(); ++i) {
    memberships.push_back({"m" + std::to_string(i), url_of("http", places[i].host, free_port()), {}});
    initial_cluster += (i == 0 ? "" : ",") + memberships[i].name + "=" + memberships[i].peer_url;
  }
  for (std::size_t i = 0; i < places.size(); ++i) {
    memberships[i].initial_cluster = initial_cluster;
    members_.push_back(std::unique_ptr<EtcdProcess>(new EtcdProcess(flags, memberships[i], places[i])));
  }
  start();
}

void EtcdCluster::start() {
  for (const auto& each : members_) {
    if (each->pid() == 0) each->spawn();
  }
  const auto deadline = Clock::now() + kStartLimit;
  for (const auto& each : members_) {
    if (!each->wait_until_serving(deadline)) fail("etcd exits at start; its log ends:\n" + each->log_tail());
  }
}

std::vector<std::string> EtcdCluster::endpoints() const {
  std::vector<std::string> endpoints;
  for (const auto& each : members_) endpoints.push_back(each->endpoint());
  return endpoints;
}

bool uses_outside_etcd() {
  const char* endpoints = std::getenv("IDETCD_TEST_ENDPOINTS");
  return endpoints != nullptr && *endpoints != '\0';
}

std::vector<std::string> test_endpoints() {
  if (uses_outside_etcd()) {
    std::vector<std::string> endpoints;
    std::istringstream list(std::getenv("IDETCD_TEST_ENDPOINTS"));
    for (std::string endpoint; std::getline(list, endpoint, ',');) endpoints.push_back(endpoint);
    return endpoints;
  }
  static EtcdProcess shared;
  return {shared.endpoint()};
}

std::shared_ptr<Etcd> connect_for_test(std::vector<std::string> endpoints) {
  EtcdOptions options;
  options.endpoints = std::move(endpoints);
  auto etcd = connect(options);
  if (!etcd) fail(etcd.error().message);
  return *etcd;
}

std::string random_prefix() {
  std::ostringstream text;
  text << "/idetcd-test/" << std::hex << random_source()() << '/';
  return text.str();
}

}  // namespace idetcd::testing
