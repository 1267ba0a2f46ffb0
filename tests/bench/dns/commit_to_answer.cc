// commit_to_answer: from a commit in etcd to the first new answer of idetcd-resolver.
//
//   commit_to_answer [--names 10000] [--changes 2000] [--storm 0] [--rounds 1]
//
// Starts an etcd with NAMES records and the daemon over them, then changes one record at
// a time, at random moments, and asks for that name every 0.2 ms until the answer is the
// new one. Two clocks are told: from the moment etcd's reply to the change was here
// ("reply"), and from just before the change was sent ("send"), which is the bound from
// above. With --storm, changes go on while that many claimants in another process take
// names of the same pool all at once; each round is one storm. Every question must be
// answered, with the old address or the new one. Exit status 1 if one was not.
#include <idetcd/idetcd.h>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "common/system/child_process.h"
#include "common/system/free_ports.h"
#include "etcd_records.h"
#include "support/etcd_process.h"

namespace idetcd::bench {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using testing::EtcdProcess;

constexpr std::string_view kPattern = "worker{{.ID}}.tf.local.";

struct Options {
  std::map<std::string, std::string> values{{"names", "10000"}, {"changes", "2000"}, {"storm", "0"}, {"rounds", "1"}};
  std::size_t number(const char* name) const { return std::strtoull(values.at(name).c_str(), nullptr, 10); }
};

double ms(Clock::duration time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

[[noreturn]] void fail(const std::string& why) {
  std::fprintf(stderr, "commit_to_answer: %s\n", why.c_str());
  std::exit(1);
}

std::shared_ptr<Etcd> connect_to(const std::string& endpoint) {
  EtcdOptions options;
  options.endpoints = {endpoint};
  auto etcd = connect(options);
  if (!etcd) fail(etcd.error().message);
  return *etcd;
}

// --- asking ---------------------------------------------------------------------------

std::string question(SlotId slot) {
  const std::string label = "worker" + std::to_string(slot);
  std::string query("\0\0\0\0\0\1\0\0\0\0\0\0", 12);
  query += static_cast<char>(label.size());
  return query + label + std::string("\2tf\5local\0\0\1\0\1", 14);
}

struct Asked {
  std::size_t questions = 0;
  std::size_t lost = 0;
  std::size_t wrong = 0;
};

class Asker {
 public:
  explicit Asker(std::uint16_t port) : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd_ < 0 || ::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) fail("no socket");
  }
  ~Asker() { close(fd_); }
  Asker(const Asker&) = delete;
  Asker& operator=(const Asker&) = delete;

  // The one address of `slot`; none if it has none, or no reply came in a second.
  std::optional<Ipv4> ask(SlotId slot) {
    std::string query = question(slot);
    ++id_;
    std::memcpy(query.data(), &id_, sizeof id_);
    ++asked.questions;
    if (send(fd_, query.data(), query.size(), 0) < 0) return std::nullopt;
    std::uint8_t reply[1500];
    const std::size_t expected = query.size() + 16;
    for (pollfd wait{fd_, POLLIN, 0}; poll(&wait, 1, 1000) == 1;) {
      const ssize_t size = recv(fd_, reply, sizeof reply, 0);
      if (size < 2 || std::memcmp(reply, &id_, sizeof id_) != 0) continue;
      if (static_cast<std::size_t>(size) != expected || (reply[3] & 15) != 0) break;
      Ipv4 address;
      std::memcpy(address.data(), reply + size - 4, address.size());
      return address;
    }
    return std::nullopt;
  }

  Asked asked;

 private:
  const int fd_;
  std::uint16_t id_ = 0;
};

// --- changing -------------------------------------------------------------------------

// Sends a change on a thread of its own, so that asking goes on beside it.
class Change {
 public:
  Change(Etcd& etcd, PutRequest put)
      : thread_([this, &etcd, put = std::move(put)]() mutable {
          Txn txn;
          txn.success.emplace_back(std::move(put));
          sent_ = Clock::now();
          const auto reply = etcd.txn(txn, {.timeout = 30s});
          replied_ = Clock::now();
          if (!reply) fail(reply.error().message);
        }) {}

  struct Times {
    Clock::time_point sent, replied;
  };
  Times wait() {
    thread_.join();
    return {sent_, replied_};
  }

 private:
  Clock::time_point sent_{}, replied_{};
  std::thread thread_;
};

struct Latencies {
  std::vector<double> from_reply, from_send;

  static double at(std::vector<double>& values, double share) {
    std::sort(values.begin(), values.end());
    return values.empty() ? 0 : values[std::min(values.size() - 1, static_cast<std::size_t>(share * values.size()))];
  }
  void print(const char* what) {
    for (auto* values : {&from_reply, &from_send})
      std::printf("%s, from %s: %zu changes, ms: p50 %.2f p90 %.2f p99 %.2f max %.2f\n", what,
                  values == &from_reply ? "reply" : "send", values->size(), at(*values, .5), at(*values, .9),
                  at(*values, .99), at(*values, 1));
  }
};

class Follower {
 public:
  Follower(const std::string& endpoint, std::uint16_t port, SlotId names)
      : etcd_(connect_to(endpoint)), asker_(port), names_(names) {}

  void change_one(Latencies& latencies) {
    const auto slot = static_cast<SlotId>(random_() % names_ + 1);
    Record record = synthetic_record(slot).record;
    const std::optional<Ipv4> old = asker_.ask(slot);
    ++serial_;
    record.ipv4 = {{11, static_cast<std::uint8_t>(serial_ >> 16), static_cast<std::uint8_t>(serial_ >> 8),
                    static_cast<std::uint8_t>(serial_)}};
    Change change(*etcd_, put_of(slot, record));
    std::optional<Ipv4> now;
    for (const auto give_up = Clock::now() + 30s; (now = asker_.ask(slot)) != record.ipv4.front();) {
      if (!now) ++asker_.asked.lost;
      if (now && now != old) ++asker_.asked.wrong;
      if (Clock::now() > give_up) fail("a change was not seen in 30 s");
      std::this_thread::sleep_for(200us);
    }
    const auto seen = Clock::now();
    const auto times = change.wait();
    latencies.from_reply.push_back(std::max(0.0, ms(seen - times.replied)));
    latencies.from_send.push_back(ms(seen - times.sent));
  }

  void pause() { std::this_thread::sleep_for(std::chrono::microseconds(random_() % 5000)); }
  const Asked& asked() const { return asker_.asked; }

 private:
  const std::shared_ptr<Etcd> etcd_;
  Asker asker_;
  const SlotId names_;
  std::uint32_t serial_ = 0;
  std::minstd_rand random_{7};
};

// --- the storm ------------------------------------------------------------------------

// In a process of its own: COUNT claimants at once; exits when all have a name.
int claimants(const std::string& endpoint, std::size_t count, SlotId limit) {
  const auto etcd = connect_to(endpoint);
  const auto pattern = PatternTemplate::parse(kPattern, limit).value();
  std::atomic<bool> go{false};
  std::atomic<std::size_t> owners{0};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < count; ++i) {
    threads.emplace_back([&] {
      go.wait(false);
      Record record;
      record.ipv4.push_back({127, 0, 0, 1});
      auto claim = SlotClaimer(etcd, pattern, {}).claim(record);
      if (claim) ++owners;
      if (owners == count) std::_Exit(0);  // the leases end with their etcd
      std::this_thread::sleep_for(60s);
    });
  }
  go = true;
  go.notify_all();
  for (std::thread& thread : threads) thread.join();
  return 1;
}

app::ChildProcess start(std::vector<std::string> argv) {
  auto child = app::ChildProcess::start({std::move(argv), app::current_environment(), -1, -1, true, true});
  if (!child) fail(child.error().message);
  return std::move(*child);
}

void during_storm(Follower& follower, const EtcdProcess& etcd, std::size_t count, SlotId limit, Latencies& latencies) {
  auto storm = start({"/proc/self/exe", "--claimants", std::to_string(count), "--endpoint", etcd.endpoint(), "--limit",
                      std::to_string(limit)});
  const auto begin = Clock::now();
  while (!storm.wait_for(0ms)) follower.change_one(latencies);
  std::printf("storm of %zu claims: %.1f s\n", count, ms(Clock::now() - begin) / 1000);
}

// --- all of it ------------------------------------------------------------------------

void one_round(const Options& options, Latencies& calm, Latencies& stormy, Asked& total) {
  const auto names = static_cast<SlotId>(options.number("names"));
  const auto limit = static_cast<SlotId>(names + options.number("storm"));
  const EtcdProcess etcd;
  if (auto loaded = load_records(*connect_to(etcd.endpoint()), names); !loaded) fail(loaded.error().message);
  const std::uint16_t port = app::free_loopback_ports(1).front();
  auto daemon = start({IDETCD_RESOLVER, "--no-claim", "--endpoints", etcd.endpoint(), "--pattern",
                       std::string(kPattern), "--limit", std::to_string(limit), "--listen",
                       "127.0.0.1:" + std::to_string(port), "--log-level", "error"});
  while (!Asker(port).ask(names)) std::this_thread::sleep_for(10ms);
  Follower follower(etcd.endpoint(), port, names);
  for (std::size_t i = 0; i < options.number("changes"); ++i) {
    follower.change_one(calm);
    follower.pause();
  }
  if (options.number("storm") != 0) during_storm(follower, etcd, options.number("storm"), limit, stormy);
  total.questions += follower.asked().questions;
  total.lost += follower.asked().lost;
  total.wrong += follower.asked().wrong;
  daemon.end(2s);
}

int run(const Options& options) {
  Latencies calm, stormy;
  Asked total;
  for (std::size_t round = 0; round < options.number("rounds"); ++round) one_round(options, calm, stormy, total);
  if (!calm.from_send.empty()) calm.print("calm");
  if (!stormy.from_send.empty()) stormy.print("storm");
  std::printf("questions %zu, unanswered or refused %zu, wrong %zu\n", total.questions, total.lost, total.wrong);
  return total.lost + total.wrong == 0 ? 0 : 1;
}

}  // namespace
}  // namespace idetcd::bench

int main(int argc, char** argv) {
  idetcd::bench::Options options;
  for (int i = 1; i + 1 < argc; i += 2) options.values[argv[i] + 2] = argv[i + 1];
  if (options.values.count("claimants") != 0)
    return idetcd::bench::claimants(options.values["endpoint"], options.number("claimants"),
                                    static_cast<idetcd::SlotId>(options.number("limit")));
  return idetcd::bench::run(options);
}
