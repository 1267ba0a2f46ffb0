// idetcd exec -- CMD: a name for a program that knows nothing of us.
#include <fmt/format.h>
#include <idetcd/slot_claimer.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "common/child_process.h"
#include "common/connection.h"
#include "common/exit_status.h"
#include "common/log.h"
#include "common/options.h"
#include "subcommand.h"

namespace idetcd::tool {
namespace {

using namespace std::chrono_literals;

// How long the command may take to end once the name is lost: somebody else may
// have it soon.
constexpr auto kGraceAfterLoss = 2s;

// Takes the signals that are meant for the command: before there is one they end the
// wait for a name, later they are handed on. Owns one thread.
class SignalRelay {
 public:
  SignalRelay() {
    sigset_t taken;
    sigemptyset(&taken);
    for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2}) sigaddset(&taken, number);
    pthread_sigmask(SIG_BLOCK, &taken, nullptr);
    signal_fd_ = ::signalfd(-1, &taken, SFD_CLOEXEC);
    wake_fd_ = ::eventfd(0, EFD_CLOEXEC);
    thread_ = std::thread([this] { run(); });
  }
  SignalRelay(const SignalRelay&) = delete;
  SignalRelay& operator=(const SignalRelay&) = delete;

  ~SignalRelay() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_fd_, &one, sizeof one);
    thread_.join();
    ::close(signal_fd_);
    ::close(wake_fd_);
  }

  std::stop_token stop() const { return source_.get_token(); }
  int ended_by() const noexcept { return ended_by_; }  // the signal behind stop()

  // From now on to `child`, which must outlive this, or to nobody if null.
  void hand_on_to(app::ChildProcess* child) {
    std::lock_guard lock(mutex_);
    child_ = child;
    if (child != nullptr && source_.stop_requested()) child->signal(SIGTERM);  // it came just before
  }

 private:
  void run() {
    std::array<pollfd, 2> fds{{{signal_fd_, POLLIN, 0}, {wake_fd_, POLLIN, 0}}};
    while (true) {
      if (::poll(fds.data(), fds.size(), -1) < 0) continue;
      if (fds[1].revents != 0) return;
      signalfd_siginfo info{};
      if (::read(signal_fd_, &info, sizeof info) == sizeof info) take(info);
    }
  }

  void take(const signalfd_siginfo& info) {
    const int number = static_cast<int>(info.ssi_signo);
    std::lock_guard lock(mutex_);
    if (child_ == nullptr) {
      if (number == SIGUSR1 || number == SIGUSR2) return;
      ended_by_ = number;
      source_.request_stop();
    } else if (info.ssi_code != SI_KERNEL) {
      child_->signal(number);  // what the terminal sent, it has sent to the command too
    }
  }

  std::stop_source source_;
  std::atomic<int> ended_by_{0};
  std::mutex mutex_;
  app::ChildProcess* child_ = nullptr;  // guarded by mutex_
  int signal_fd_;
  int wake_fd_;
  std::thread thread_;
};

// The command's environment: ours, and who it is.
std::vector<std::string> environment_for(const Claim& claim) {
  std::vector<std::string> all = app::current_environment();
  const auto set = [&all](std::string_view name, const std::string& value) {
    const std::string start = fmt::format("{}=", name);
    std::erase_if(all, [&start](const std::string& entry) { return entry.starts_with(start); });
    all.push_back(start + value);
  };
  set("IDETCD_NAME", claim.name());
  set("IDETCD_SLOT", std::to_string(claim.slot()));
  set("IDETCD_TOKEN", std::to_string(claim.token()));
  set("IDETCD_LEASE", fmt::format("{:x}", static_cast<std::uint64_t>(claim.lease())));
  set("IDETCD_NODE", claim.node_id());
  return all;
}

// Until the command ends, or the name is lost and the command was ended for it.
int run_command(const Claim& claim, std::vector<std::string> command, SignalRelay& signals, const LogSink& log) {
  const std::stop_token lost = claim.lost();
  auto started = app::ChildProcess::start(
      {.argv = std::move(command), .environment = environment_for(claim), .dies_with_thread = true});
  if (!started) {
    const bool missing = started.error().code == ErrorCode::kNotFound;
    throw app::Exit(missing ? 127 : 126, started.error().message);  // as shells have it
  }
  app::ChildProcess child = std::move(*started);
  signals.hand_on_to(&child);
  int code = 0;
  {
    const std::stop_callback on_loss(lost, [&child] { child.signal(SIGTERM); });
    std::optional<int> ended;
    while (!(ended = child.wait_for(100ms)) && !lost.stop_requested()) {
    }
    code = ended ? *ended : child.end(kGraceAfterLoss);
  }
  signals.hand_on_to(nullptr);
  if (!lost.stop_requested()) return code;
  log(LogLevel::kError, fmt::format("{} is lost ({}); the command was ended", claim.name(), claim.loss_reason()));
  return app::kExitTryLater;
}

int exec(const app::GivenFlags& given, const std::vector<std::string>& command) {
  const app::Settings settings = app::load_settings(given, app::process_environment());
  const app::PoolSettings& pool = app::only_pool(settings);
  const PatternTemplate pattern = app::parse_pattern(pool);
  const LogSink log = app::open_log(settings.log_level);
  SignalRelay signals;
  std::size_t position = 0;
  const auto etcd = app::connect_etcd(settings, log);
  SlotClaimer claimer(etcd, pattern,
                      app::claim_options(pool, log, [&position](std::size_t place) { position = place; }));
  auto claim = claimer.claim(app::own_record(settings, pool, 0), signals.stop());
  if (!claim && claim.error().code == ErrorCode::kCancelled) {
    throw app::Exit(128 + signals.ended_by(), "ended by a signal before there was a name; the command was not run");
  }
  if (!claim) throw app::claim_failure(pool, claim.error(), position);
  log(LogLevel::kInfo, fmt::format("claimed {} (slot {} of {})", claim->name(), claim->slot(), pattern.limit()));
  const int code = run_command(*claim, command, signals, log);
  if (auto released = claim->release(); !released && claim->held()) {
    log(LogLevel::kWarning, fmt::format("{} could not be given back: {}", claim->name(), released.error().message));
  }
  return code;
}

}  // namespace

void add_exec(CLI::App& program, Run& run) {
  CLI::App* command = program.add_subcommand(
      "exec",
      "Claim a name, run CMD with it, give it back when CMD ends.\n"
      "CMD finds IDETCD_NAME, IDETCD_SLOT, IDETCD_TOKEN, IDETCD_LEASE and IDETCD_NODE in its\n"
      "environment and gets our signals. If the name is lost, CMD is ended and the status is 75;\n"
      "else it is that of CMD, 127 if there is no CMD, or 128 + the number of a signal that\n"
      "came while there was no name yet.");
  const auto given = std::make_shared<app::GivenFlags>();
  const auto words = std::make_shared<std::vector<std::string>>();
  command->add_option("CMD", *words, "the command and its arguments, after --")->required();
  command->positionals_at_end();
  using enum app::SettingGroup;
  app::add_flags(*command, {kEtcd, kPool, kClaim, kLog}, *given);
  command->callback([given, words, &run] { run = [given, words] { return exec(*given, *words); }; });
}

}  // namespace idetcd::tool
