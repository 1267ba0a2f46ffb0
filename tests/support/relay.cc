#include "support/relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace idetcd::testing {
namespace {

sockaddr_in loopback_address(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int new_socket() {
  return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

}  // namespace

Relay::Relay(std::uint16_t to) : to_(to), listener_(new_socket()) {
  auto address = loopback_address(0);
  socklen_t size = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener_, any, size) != 0 || listen(listener_, 128) != 0 || getsockname(listener_, any, &size) != 0) {
    throw std::runtime_error("a relay cannot listen");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Relay::~Relay() {
  thread_.request_stop();
  thread_.join();
  for (const Link& link : links_) {
    close(link.client);
    close(link.server);
  }
  close(listener_);
}

void Relay::stall() {
  to_stall_ = true;
  to_stall_.wait(true);
}

void Relay::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    if (to_stall_) {
      for (Link& link : links_) link.stalled = true;
      to_stall_ = false;
      to_stall_.notify_all();
    }
    std::vector<pollfd> fds{{listener_, POLLIN, 0}};
    if (!held_) {
      for (const Link& link : links_) {
        if (link.stalled) continue;
        for (const Way& way : link.ways) fds.push_back({way.from, POLLIN, 0});
      }
    }
    poll(fds.data(), fds.size(), 2);
    if ((fds[0].revents & POLLIN) != 0) accept_one();
    if (held_) continue;
    for (auto link = links_.begin(); link != links_.end();) {
      const bool lives =
          link->stalled || std::all_of(link->ways.begin(), link->ways.end(), [this](Way& way) { return pass(way); });
      if (lives) {
        ++link;
        continue;
      }
      close(link->client);
      close(link->server);
      link = links_.erase(link);
    }
  }
}

void Relay::accept_one() {
  const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (client < 0) return;
  const int server = new_socket();
  const auto address = loopback_address(to_);
  if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    close(client);
    close(server);
    return;
  }
  links_.push_back({client, server, false, {{client, server, false}, {server, client, true}}});
}

bool Relay::pass(Way& way) {
  std::array<char, 16384> buffer;
  const auto size = recv(way.from, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (size == 0) return false;
  const auto now = std::chrono::steady_clock::now();
  if (size > 0) {
    const std::chrono::milliseconds delay(way.answers ? delay_.load() : 0);
    way.waiting.push_back({now + delay, std::string(buffer.data(), static_cast<std::size_t>(size))});
  }
  while (!way.waiting.empty() && way.waiting.front().due <= now) {
    const std::string& bytes = way.waiting.front().bytes;
    if (send(way.to, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) return false;
    way.waiting.pop_front();
  }
  return true;
}

}  // namespace idetcd::testing
