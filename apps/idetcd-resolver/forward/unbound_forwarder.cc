// Forwarding with libunbound, which asks, retries, caches and protects itself against forged
// answers (RFC 5452).
#include "forward/make_forwarder.h"

#include <event2/event.h>
#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unbound-event.h>
#include <unbound.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <list>
#include <mutex>
#include <random>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "common/system/file_descriptor.h"
#include "forward/unbound_config.h"
#include "forward/upstream_reply.h"
#include "wire/question.h"
#include "wire/wire_name.h"

namespace idetcd::resolver {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kDeadline{8};  // clients ask again after 5 s, twice
constexpr timeval kTick{0, 250'000};
constexpr std::chrono::seconds kProbing{10};  // for which a loop is looked for
constexpr std::size_t kPlainUdpReply = 512;   // RFC 1035 4.2.1

struct FreeContext {
  void operator()(ub_ctx* context) const { ub_ctx_delete(context); }
};
struct FreeBase {
  void operator()(event_base* base) const { event_base_free(base); }
};
struct FreeEvent {
  void operator()(event* each) const { event_free(each); }
};
using Context = std::unique_ptr<ub_ctx, FreeContext>;
using Base = std::unique_ptr<event_base, FreeBase>;
using Event = std::unique_ptr<event, FreeEvent>;

// As zone files write it: everything but letters, digits and hyphens is escaped (RFC 1035 5.1).
std::string presentation(WireName name) {
  std::string text;
  for (std::size_t at = 0; name[at] != std::byte{0};) {
    const auto length = std::to_integer<std::size_t>(name[at]);
    for (const std::byte each : name.subspan(at + 1, length)) {
      const auto c = std::to_integer<unsigned char>(each);
      if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')
        text += static_cast<char>(c);
      else
        text += fmt::format("\\{:03}", c);
    }
    text += '.';
    at += 1 + length;
  }
  return text.empty() ? "." : text;
}

// libunbound reads its configuration from a file only.
Status configure(ub_ctx& context, const std::string& text) {
  const app::FileDescriptor file(memfd_create("unbound.conf", MFD_CLOEXEC));
  if (!file || write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return Error{ErrorCode::kUnavailable, "there is no memory for the configuration of forward"};
  const std::string path = fmt::format("/proc/self/fd/{}", file.get());
  if (const int failed = ub_ctx_config(&context, path.c_str()); failed != 0)
    return Error{ErrorCode::kInvalidArgument, fmt::format("libunbound refuses the upstreams: {}", ub_strerror(failed))};
  return {};
}

void ignore(void*, int, void*, int, int, char*, int) {}

// Debian's library is built without TLS, which it says in no other way than by failing.
Status try_out(ub_ctx& context, const ForwardOptions& options) {
  if (ub_resolve_event(&context, "localhost.", kTypeA, kClassIn, nullptr, &ignore, nullptr) == 0) return {};
  const auto tls = [](const app::ForwardRule& rule) { return rule.upstreams.front().tls; };
  const auto first = std::ranges::find_if(options.rules, tls);
  if (first == options.rules.end())
    return Error{ErrorCode::kInvalidArgument,
                 options.rules.front().place + ": libunbound cannot start with these upstreams"};
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("{}: the libunbound of this system speaks no TLS, or cannot read {}; forward to a resolver "
                           "on this machine that asks over TLS, e.g. unbound",
                           first->place, first->ca_file.empty() ? "the system's certificates" : first->ca_file)};
}

std::string random_label() {
  std::random_device device;
  return fmt::format("{:08x}{:08x}", device(), device());
}

// A zone whose questions are forwarded, or, as an exception, not.
struct Rule {
  Bytes zone;
  bool forwarded;
};

class Loop {
 public:
  Loop(const ForwardOptions& options, LogSink log)
      : max_udp_(options.max_udp),
        log_(std::move(log)),
        wake_(app::checked(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")),
        base_(event_base_new()),
        context_(base_ ? ub_ctx_create_event(base_.get()) : nullptr) {
    std::size_t most = 0;
    for (const app::ForwardRule& rule : options.rules)
      most += rule.max_concurrent == 0 ? app::kMaxConcurrent : rule.max_concurrent;
    max_concurrent_ = most;
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop() { stop(); }

  Status start(const ForwardOptions& options) {
    if (!context_) return Error{ErrorCode::kUnavailable, "libunbound cannot start: there is no memory"};
    if (auto configured = configure(*context_, unbound_config(options.rules, options.cache)); !configured)
      return configured;
    if (auto works = try_out(*context_, options); !works) return works;
    const auto woken = [](int, short, void* self) { static_cast<Loop*>(self)->on_wake(); };
    const auto ticked = [](int, short, void* self) { static_cast<Loop*>(self)->on_tick(); };
    wake_event_.reset(event_new(base_.get(), wake_.get(), EV_READ | EV_PERSIST, woken, this));
    tick_event_.reset(event_new(base_.get(), -1, EV_PERSIST, ticked, this));
    if (!wake_event_ || !tick_event_ || event_add(wake_event_.get(), nullptr) != 0 ||
        event_add(tick_event_.get(), &kTick) != 0)
      return Error{ErrorCode::kUnavailable, "forward cannot start: there is no memory"};
    for (const app::ForwardRule& rule : options.rules) {
      probes_.push_back({fmt::format("{}.{}", random_label(), rule.zone == "." ? "" : rule.zone), rule.place});
    }
    try {
      thread_ = std::thread([this] { run(); });
    } catch (const std::system_error&) {
      return Error{ErrorCode::kUnavailable, "there is no thread left for forward"};
    }
    return {};
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
      incoming_.clear();
    }
    if (!thread_.joinable()) return;
    eventfd_write(wake_.get(), 1);
    thread_.join();
  }

  // False: there is no room.
  bool take(ForwardedQuery& query) {
    const std::lock_guard lock(mutex_);
    if (stopped_) return true;
    if (in_flight_.load(std::memory_order_relaxed) >= max_concurrent_ || looped_) {
      refused_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
    in_flight_.fetch_add(1, std::memory_order_relaxed);
    queries_.fetch_add(1, std::memory_order_relaxed);
    incoming_.push_back(std::move(query));
    if (incoming_.size() == 1) eventfd_write(wake_.get(), 1);
    return true;
  }

  ForwardTotals totals() const { return {queries_.load(), refused_.load(), failed_.load(), in_flight_.load()}; }

 private:
  struct Pending {
    Loop* loop{};
    ForwardedQuery query{};
    Question question{};
    Clock::time_point since{};
    int async_id = 0;
    bool asking = false;  // ub_resolve_event() has not returned
    bool answered = false;
    std::list<Pending>::iterator self{};
  };

  // Sent to ourselves by way of the upstreams: if it arrives here, they are we.
  struct Probe {
    std::string name;
    std::string place;  // of the directive
  };

  void run() {
    began_ = Clock::now();
    for (Probe& probe : probes_) send(probe);
    event_base_dispatch(base_.get());
    for (Pending& each : pending_) ub_cancel(context_.get(), each.async_id);
    pending_.clear();
    // Its events are of the base, and it must go on the thread that used it.
    context_.reset();
    wake_event_.reset();
    tick_event_.reset();
  }

  void on_wake() {
    eventfd_t ignored;
    eventfd_read(wake_.get(), &ignored);
    std::vector<ForwardedQuery> batch;
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) {
        event_base_loopbreak(base_.get());
        return;
      }
      batch.swap(incoming_);
    }
    for (ForwardedQuery& query : batch) ask(std::move(query));
  }

  void on_tick() {
    const auto now = Clock::now();
    while (!pending_.empty() && now - pending_.front().since >= kDeadline) {
      ub_cancel(context_.get(), pending_.front().async_id);
      finish(pending_.front(), {});
    }
    if (!probes_.empty() && now - began_ >= kProbing) probes_.clear();
  }

  void ask(ForwardedQuery query) {
    Pending& pending = pending_.emplace_back();
    pending.loop = this;
    pending.self = std::prev(pending_.end());
    pending.query = std::move(query);
    pending.since = Clock::now();
    read_question(pending.query.request, 0, pending.question);
    const std::string name = presentation(pending.question.wire_name());
    if (is_probe(name)) return finish(pending, {});
    pending.asking = true;
    const int failed = ub_resolve_event(context_.get(), name.c_str(), pending.question.type, kClassIn, &pending,
                                        &Loop::on_answer, &pending.async_id);
    pending.asking = false;
    if (pending.answered || failed != 0) finish(pending, {});
  }

  // libunbound's; `packet` is only lent.
  static void on_answer(void* asked, int rcode, void* packet, int size, int /*sec*/, char* /*why_bogus*/,
                        int /*was_ratelimited*/) {
    auto& pending = *static_cast<Pending*>(asked);
    std::span<const std::byte> bytes;
    if (rcode == 0 && packet != nullptr && size > 0)
      bytes = {static_cast<const std::byte*>(packet), static_cast<std::size_t>(size)};
    pending.loop->on_packet(pending, bytes);
  }

  void on_packet(Pending& pending, std::span<const std::byte> packet) {
    if (!pending.asking) return finish(pending, packet);
    answer(pending, packet);  // ask() ends it
    pending.answered = true;
  }

  void answer(Pending& pending, std::span<const std::byte> packet) {
    if (pending.answered || !pending.query.reply) return;
    const Question& question = pending.question;
    if (packet.empty()) failed_.fetch_add(1, std::memory_order_relaxed);
    pending.query.reply(packet.empty() ? empty_reply(pending.query.request, question, Rcode::kServFail)
                                       : upstream_reply(pending.query.request, question, packet, limit(pending)));
  }

  void finish(Pending& pending, std::span<const std::byte> packet) {
    answer(pending, packet);
    if (pending.query.reply) in_flight_.fetch_sub(1, std::memory_order_relaxed);
    pending_.erase(pending.self);
  }

  std::size_t limit(const Pending& pending) const {
    if (pending.query.context.transport == Transport::kTcp) return kMaxTcpReply;
    const Edns& edns = pending.question.edns;
    return edns.present ? std::clamp<std::size_t>(edns.payload, kPlainUdpReply, max_udp_) : kPlainUdpReply;
  }

  // A question of ours, which nobody waits for.
  void send(const Probe& probe) {
    Pending& pending = pending_.emplace_back();
    pending.loop = this;
    pending.self = std::prev(pending_.end());
    pending.since = Clock::now();
    pending.asking = true;
    constexpr int kHinfo = 13;  // as CoreDNS' loop does
    const int failed = ub_resolve_event(context_.get(), probe.name.c_str(), kHinfo, kClassIn, &pending,
                                        &Loop::on_answer, &pending.async_id);
    pending.asking = false;
    if (pending.answered || failed != 0) finish(pending, {});
  }

  bool is_probe(const std::string& name) {
    const auto probe = std::ranges::find(probes_, name, &Probe::name);
    if (probe == probes_.end()) return false;
    if (!looped_.exchange(true))
      log_(LogLevel::kError,
           fmt::format("{}: its upstreams send questions back to this server, directly or by way of others (often the "
                       "machine's own stub resolver); nothing is forwarded until the upstreams are changed",
                       probe->place));
    return true;
  }

  const std::size_t max_udp_;
  const LogSink log_;
  std::size_t max_concurrent_ = 0;
  const app::FileDescriptor wake_;

  // The thread's own, once it runs:
  const Base base_;
  Context context_;
  Event wake_event_, tick_event_;
  std::list<Pending> pending_;  // the oldest first
  std::vector<Probe> probes_;
  Clock::time_point began_{};

  std::mutex mutex_;
  std::vector<ForwardedQuery> incoming_;  // guarded by mutex_
  bool stopped_ = false;                  // guarded by mutex_
  std::atomic<bool> looped_{false};
  std::atomic<std::uint64_t> queries_{0}, refused_{0}, failed_{0}, in_flight_{0};
  std::thread thread_;
};

std::vector<Rule> rules_of(const ForwardOptions& options) {
  std::vector<Rule> rules;
  const auto add = [&](const std::string& text, bool forwarded) {
    if (auto zone = to_wire(text)) rules.push_back({std::move(*zone), forwarded});
  };
  for (const app::ForwardRule& rule : options.rules) {
    add(rule.zone, true);
    for (const std::string& zone : rule.except) add(zone, false);
  }
  std::ranges::stable_sort(rules,
                           [](const Rule& left, const Rule& right) { return left.zone.size() > right.zone.size(); });
  return rules;
}

class UnboundForwarder final : public Forwarder {
 public:
  UnboundForwarder(const ForwardOptions& options, LogSink log)
      : rules_(rules_of(options)), loop_(options, std::move(log)) {}

  Status start(const ForwardOptions& options) { return loop_.start(options); }

  bool covers(WireName name) const noexcept override {
    const auto found = std::ranges::find_if(rules_, [&](const Rule& rule) { return lies_in(name, rule.zone); });
    return found != rules_.end() && found->forwarded;
  }

  void take(ForwardedQuery query) override {
    if (loop_.take(query)) return;
    Question question;
    read_question(query.request, 0, question);
    query.reply(empty_reply(query.request, question, Rcode::kRefused));
  }

  ForwardTotals totals() const override { return loop_.totals(); }
  void stop() override { loop_.stop(); }

 private:
  const std::vector<Rule> rules_;  // the longest zone first
  Loop loop_;
};

}  // namespace

Status check_forwarding(const ForwardOptions& options) {
  const Base base(event_base_new());
  const Context context(base ? ub_ctx_create_event(base.get()) : nullptr);
  if (!context) return Error{ErrorCode::kUnavailable, "libunbound cannot start: there is no memory"};
  if (auto configured = configure(*context, unbound_config(options.rules, options.cache)); !configured)
    return configured;
  return try_out(*context, options);
}

Result<std::shared_ptr<Forwarder>> make_forwarder(const ForwardOptions& options, LogSink log) {
  try {
    auto forwarder = std::make_shared<UnboundForwarder>(options, std::move(log));
    if (auto started = forwarder->start(options); !started) return started.error();
    return std::shared_ptr<Forwarder>(std::move(forwarder));
  } catch (const std::system_error& error) {
    return Error{ErrorCode::kUnavailable, error.what()};
  }
}

}  // namespace idetcd::resolver
