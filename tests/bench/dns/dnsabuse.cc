// dnsabuse: what honest clients feel while others misbehave.
//
// Opens idle TCP connections, sends half a message on some more, floods others with
// queries whose answers it never reads, and sends malformed datagrams at a set rate;
// meanwhile one thread asks an honest question over UDP at a set rate and times it.
//
//   dnsabuse --port 5353 --name worker1.tf.local [--pid SERVER_PID] [--seconds 10]
//            [--idle 2000] [--half 48] [--deaf 16] [--malformed 50000] [--honest 5000]
//
// Loopback only. Prints the honest latency and the server's memory before and after.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Packet = std::vector<std::uint8_t>;

struct Options {
  std::map<std::string, std::string> values{{"seconds", "10"}, {"idle", "2000"},       {"half", "48"},
                                            {"deaf", "16"},    {"malformed", "50000"}, {"honest", "5000"}};
  long number(const char* name) { return std::atol(values[name].c_str()); }
};

Packet query_for(const std::string& name) {
  Packet query{0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t dot = std::min(name.find('.', at), name.size());
    query.push_back(static_cast<std::uint8_t>(dot - at));
    query.insert(query.end(), name.begin() + static_cast<std::ptrdiff_t>(at),
                 name.begin() + static_cast<std::ptrdiff_t>(dot));
    at = dot + 1;
  }
  const std::uint8_t tail[] = {0, 0, 1, 0, 1};
  query.insert(query.end(), tail, tail + sizeof tail);
  return query;
}

int open_socket(int type, long port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int fd = socket(AF_INET, type, 0);
  if (fd < 0 || connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) {
    std::perror("dnsabuse: connect");
    std::exit(1);
  }
  return fd;
}

Packet framed(const Packet& query) {
  Packet out{static_cast<std::uint8_t>(query.size() >> 8), static_cast<std::uint8_t>(query.size())};
  out.insert(out.end(), query.begin(), query.end());
  return out;
}

long resident_kb(long pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind("VmRSS:", 0) == 0) return std::atol(line.c_str() + 6);
  return 0;
}

// The connections that hurt a careless server.
std::vector<int> open_abusers(Options& options, const Packet& query) {
  const long port = options.number("port");
  std::vector<int> sockets;
  for (long i = 0; i < options.number("idle"); ++i) sockets.push_back(open_socket(SOCK_STREAM, port));
  const Packet whole = framed(query);
  for (long i = 0; i < options.number("half"); ++i) {
    sockets.push_back(open_socket(SOCK_STREAM, port));
    send(sockets.back(), whole.data(), 1 + static_cast<std::size_t>(i) % (whole.size() - 1), MSG_NOSIGNAL);
  }
  for (long i = 0; i < options.number("deaf"); ++i) {
    sockets.push_back(open_socket(SOCK_STREAM, port));
    fcntl(sockets.back(), F_SETFL, O_NONBLOCK);
    for (int blocked = 0; blocked < 3;)
      if (send(sockets.back(), whole.data(), whole.size(), MSG_NOSIGNAL) < 0) ++blocked, usleep(2000);
  }
  return sockets;
}

void send_malformed(Options& options, const Packet& query, const std::atomic<bool>& stop) {
  const int fd = open_socket(SOCK_DGRAM, options.number("port"));
  std::mt19937 random(3);
  const double rate = static_cast<double>(options.number("malformed"));
  const auto begin = Clock::now();
  double sent = 0;
  while (!stop && rate > 0) {
    const double due = rate * std::chrono::duration<double>(Clock::now() - begin).count() - sent;
    if (due < 1) {
      usleep(200);
      continue;
    }
    Packet packet = query;
    switch (random() % 4) {
      case 0: packet.resize(random() % packet.size()); break;
      case 1: packet[12 + random() % (packet.size() - 12)] = static_cast<std::uint8_t>(random()); break;
      case 2: packet[4 + random() % 8] = static_cast<std::uint8_t>(random()); break;
      default: std::generate(packet.begin(), packet.end(), [&] { return static_cast<std::uint8_t>(random()); });
    }
    send(fd, packet.data(), packet.size(), 0);
    ++sent;
  }
  std::printf("malformed sent: %.0f a second\n", sent / std::chrono::duration<double>(Clock::now() - begin).count());
  close(fd);
}

void ask_honestly(Options& options, Packet query) {
  const int fd = open_socket(SOCK_DGRAM, options.number("port"));
  const auto gap = std::chrono::nanoseconds(1'000'000'000 / std::max(1L, options.number("honest")));
  const auto begin = Clock::now();
  const auto end = begin + std::chrono::seconds(options.number("seconds"));
  std::vector<double> times;
  long asked = 0, lost = 0;
  for (auto next = begin; Clock::now() < end; next += gap) {
    while (Clock::now() < next) continue;
    ++asked;
    query[0] = static_cast<std::uint8_t>(asked >> 8);
    query[1] = static_cast<std::uint8_t>(asked);
    const auto sent = Clock::now();
    send(fd, query.data(), query.size(), 0);
    std::uint8_t reply[1500];
    pollfd wait{fd, POLLIN, 0};
    bool got = false;
    while (!got && poll(&wait, 1, 1000) == 1)
      got = recv(fd, reply, sizeof reply, 0) > 12 && reply[0] == query[0] && reply[1] == query[1];
    if (got)
      times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - sent).count());
    else
      ++lost;
  }
  std::sort(times.begin(), times.end());
  const auto at = [&](double share) {
    return times.empty()
               ? 0
               : times[std::min(times.size() - 1, static_cast<std::size_t>(share * static_cast<double>(times.size())))];
  };
  std::printf("honest: asked %ld (%.0f a second), lost %ld, latency us: p50 %.0f p99 %.0f p99.9 %.0f\n", asked,
              static_cast<double>(asked) / static_cast<double>(options.number("seconds")), lost, at(.5), at(.99),
              at(.999));
  close(fd);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) options.values[argv[i] + 2] = argv[i + 1];
  if (options.number("port") == 0 || options.values["name"].empty()) {
    std::fprintf(stderr, "usage: dnsabuse --port PORT --name NAME [...]; see the source\n");
    return 2;
  }
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);

  const Packet query = query_for(options.values["name"]);
  const long pid = options.number("pid");
  const long before = pid != 0 ? resident_kb(pid) : 0;
  const std::vector<int> abusers = open_abusers(options, query);
  std::atomic<bool> stop{false};
  std::thread flood([&] { send_malformed(options, query, stop); });
  ask_honestly(options, query);
  stop = true;
  flood.join();
  if (pid != 0) std::printf("server memory: %ld KB before, %ld KB during\n", before, resident_kb(pid));
  for (const int fd : abusers) close(fd);
}
