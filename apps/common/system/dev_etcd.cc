#include "common/system/dev_etcd.h"

#include "common/system/child_process.h"
#include "common/system/file_descriptor.h"
#include "common/system/free_ports.h"
#include "common/system/temporary_folder.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <fstream>
#include <future>
#include <optional>
#include <system_error>
#include <thread>

namespace idetcd::app {
namespace {

using namespace std::chrono_literals;

// etcd reads ETCD_* variables, which may be meant for another one.
std::vector<std::string> clean_environment() {
  std::vector<std::string> all = current_environment();
  std::erase_if(all, [](const std::string& entry) { return entry.starts_with("ETCD_"); });
  utsname machine{};
  if (::uname(&machine) == 0 && std::string_view(machine.machine) == "aarch64") {
    all.emplace_back("ETCD_UNSUPPORTED_ARCH=arm64");  // etcd 3.4 refuses to start without it
  }
  return all;
}

bool accepts(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  const bool connected = fd >= 0 && ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  if (fd >= 0) ::close(fd);
  return connected;
}

std::string last_line(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string line;
  for (std::string next; std::getline(in, next);) {
    if (!next.empty()) line = next;
  }
  return line;
}

}  // namespace

class DevEtcd::Impl {
 public:
  Impl(TemporaryFolder folder, LogSink log)
      : folder_(std::move(folder)), log_(std::move(log)), stop_fd_(checked(::eventfd(0, EFD_CLOEXEC), "eventfd")) {
    choose_ports();
  }

  ~Impl() {
    ::eventfd_write(stop_fd_.get(), 1);
    if (thread_.joinable()) thread_.join();
  }

  Status start() {
    auto first = started_.get_future();
    thread_ = std::thread([this] { run(); });
    return first.get();
  }

  const std::string& endpoint() const { return endpoint_; }
  const std::filesystem::path& folder() const { return folder_.path(); }

 private:
  void choose_ports() {
    const auto ports = free_loopback_ports(2);
    client_port_ = ports[0];
    endpoint_ = fmt::format("http://127.0.0.1:{}", ports[0]);
    peer_ = fmt::format("http://127.0.0.1:{}", ports[1]);
  }

  // All on this thread: the child dies with the thread that started it.
  void run() {
    std::optional<ChildProcess> child;
    Status started = spawn(child);
    for (int tries = 1; !started && started.error().code == ErrorCode::kUnavailable && tries < 3; ++tries) {
      choose_ports();  // another process took one of them
      started = spawn(child);
    }
    const bool up = started.has_value();
    started_.set_value(std::move(started));
    if (!up) return;
    while (child_ended_first(*child)) {
      const auto code = child->wait_for(1s);
      log_(LogLevel::kWarning, fmt::format("the private etcd exited (status {}); restarting it", code.value_or(-1)));
      for (started = spawn(child); !started && !stopping(500ms); started = spawn(child)) {
        log_(LogLevel::kError, started.error().message);
      }
      if (!started) return;
    }
  }

  Status spawn(std::optional<ChildProcess>& child) {
    child.reset();
    const auto log_file = folder_.path() / "etcd.log";
    const int log_fd = ::open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    auto started = ChildProcess::start({.argv = command_line(),
                                        .environment = clean_environment(),
                                        .stdout_fd = log_fd,
                                        .stderr_fd = log_fd,
                                        .own_process_group = true,
                                        .dies_with_thread = true,
                                        .no_preallocation = true});  // its log would take 128 MB at once
    if (log_fd >= 0) ::close(log_fd);
    if (!started && started.error().code == ErrorCode::kNotFound) {
      return Error{ErrorCode::kNotFound,
                   "no `etcd` program in PATH; install it, on Debian with: apt-get install etcd-server"};
    }
    if (!started) return started.error();
    child.emplace(std::move(*started));
    return wait_until_up(*child, log_file);
  }

  Status wait_until_up(ChildProcess& child, const std::filesystem::path& log_file) {
    const auto deadline = std::chrono::steady_clock::now() + 15s;
    while (!accepts(client_port_)) {
      if (child.wait_for(20ms)) {
        return Error{ErrorCode::kUnavailable, fmt::format("the private etcd exited at once: {}", last_line(log_file))};
      }
      if (std::chrono::steady_clock::now() > deadline) {
        return Error{ErrorCode::kUnavailable, fmt::format("the private etcd does not answer: {}", last_line(log_file))};
      }
      if (stopping(0ms)) return Error{ErrorCode::kCancelled, "stopped while the private etcd was starting"};
    }
    return {};
  }

  std::vector<std::string> command_line() const {
    return {"etcd",
            "--name=dev",
            "--data-dir=" + (folder_.path() / "data").string(),
            "--listen-client-urls=" + endpoint_,
            "--advertise-client-urls=" + endpoint_,
            "--listen-peer-urls=" + peer_,
            "--initial-advertise-peer-urls=" + peer_,
            "--initial-cluster=dev=" + peer_,
            "--logger=zap",
            "--log-outputs=stderr",
            "--log-level=error"};
  }

  // False: stop was requested.
  bool child_ended_first(ChildProcess& child) const {
    std::array<pollfd, 2> fds{{{child.pid_fd(), POLLIN, 0}, {stop_fd_.get(), POLLIN, 0}}};
    while (::poll(fds.data(), fds.size(), -1) < 0) {
    }
    return fds[1].revents == 0;
  }

  bool stopping(std::chrono::milliseconds most) const {
    pollfd stop{stop_fd_.get(), POLLIN, 0};
    return ::poll(&stop, 1, static_cast<int>(most.count())) > 0;
  }

  const TemporaryFolder folder_;
  const LogSink log_;
  const FileDescriptor stop_fd_;
  std::uint16_t client_port_ = 0;  // written before started_ is, by one thread at a time
  std::string endpoint_;           // likewise
  std::string peer_;               // likewise
  std::promise<Status> started_;
  std::thread thread_;
};

Result<std::unique_ptr<DevEtcd>> DevEtcd::start(LogSink log) {
  auto folder = TemporaryFolder::create("idetcd-dev-");
  if (!folder) return folder.error();
  try {
    auto impl = std::make_unique<Impl>(std::move(*folder), std::move(log));
    if (auto started = impl->start(); !started) return started.error();
    return std::unique_ptr<DevEtcd>(new DevEtcd(std::move(impl)));
  } catch (const std::system_error& error) {
    return Error{ErrorCode::kUnavailable, fmt::format("cannot start a private etcd: {}", error.what())};
  }
}

DevEtcd::DevEtcd(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DevEtcd::~DevEtcd() = default;

const std::string& DevEtcd::endpoint() const noexcept {
  return impl_->endpoint();
}
const std::filesystem::path& DevEtcd::folder() const noexcept {
  return impl_->folder();
}

}  // namespace idetcd::app
