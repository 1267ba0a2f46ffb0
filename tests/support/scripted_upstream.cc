#include "support/scripted_upstream.h"

#include <ldns/ldns.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <utility>

#include "support/dns_client.h"

namespace idetcd::testing {
namespace {

using Decoded = std::unique_ptr<ldns_pkt, decltype(&ldns_pkt_free)>;

void push(ldns_pkt& packet, ldns_pkt_section section, const std::string& text) {
  ldns_rr* record = nullptr;
  if (ldns_rr_new_frm_str(&record, text.c_str(), 0, nullptr, nullptr) != LDNS_STATUS_OK)
    throw std::runtime_error("no record: " + text);
  ldns_pkt_push_rr(&packet, section, record);
}

Packet encode(const ldns_pkt& packet) {
  std::uint8_t* bytes = nullptr;
  std::size_t size = 0;
  if (ldns_pkt2wire(&bytes, &packet, &size) != LDNS_STATUS_OK) throw std::runtime_error("no packet");
  const std::unique_ptr<std::uint8_t, decltype(&std::free)> owner(bytes, &std::free);
  const auto* const begin = reinterpret_cast<const std::byte*>(bytes);
  return {begin, begin + size};
}

std::string lower_name(const ldns_rr& question) {
  char* const text = ldns_rdf2str(ldns_rr_owner(&question));
  std::string name(text);
  std::free(text);
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  return name;
}

}  // namespace

ScriptedUpstream::ScriptedUpstream() {
  auto address = loopback(0);
  socklen_t size = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  for (int tries = 0; tries < 100; ++tries) {
    udp_ = app::FileDescriptor(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    tcp_ = app::FileDescriptor(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    address.sin_port = 0;
    if (bind(udp_.get(), any, size) != 0 || getsockname(udp_.get(), any, &size) != 0) continue;
    if (bind(tcp_.get(), any, size) != 0 || listen(tcp_.get(), 16) != 0) continue;
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
    return;
  }
  throw std::runtime_error("no port for an upstream");
}

ScriptedUpstream::~ScriptedUpstream() {
  thread_.request_stop();
  thread_.join();
}

int ScriptedUpstream::asked(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = asked_.find(name);
  return found == asked_.end() ? 0 : found->second;
}

void ScriptedUpstream::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::vector<pollfd> fds{{udp_.get(), POLLIN, 0}, {tcp_.get(), POLLIN, 0}};
    for (const auto& connection : connections_) fds.push_back({connection.get(), POLLIN, 0});
    poll(fds.data(), fds.size(), 5);
    if ((fds[0].revents & POLLIN) != 0) answer_udp();
    for (std::size_t i = 2; i < fds.size(); ++i)
      if (fds[i].revents != 0) answer_tcp(fds[i].fd);
    std::erase_if(connections_, [](const auto& connection) { return !connection; });
    if ((fds[1].revents & POLLIN) != 0) connections_.emplace_back(accept4(tcp_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!released_) continue;
    for (const Held& each : std::exchange(held_, {})) send(udp_, each.reply, each.peer);
  }
}

void ScriptedUpstream::answer_udp() {
  Packet request(4096);
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  const ssize_t got =
      recvfrom(udp_.get(), request.data(), request.size(), 0, reinterpret_cast<sockaddr*>(&peer), &size);
  if (got <= 0 || dead_) return;
  request.resize(static_cast<std::size_t>(got));
  Packet to(size);
  std::memcpy(to.data(), &peer, size);
  const auto all = replies(request, false);
  if (all.size() > 1) {  // forged
    Packet forged = all.front();
    std::copy_n(request.begin(), 2, forged.begin());
    send(other_, forged, to);
  }
  for (const Packet& reply : all) {
    const bool hold = reply.size() > 17 && std::memcmp(reply.data() + 12, "\4held", 5) == 0 && !released_;
    if (hold)
      held_.push_back({reply, to});
    else
      send(udp_, reply, to);
  }
}

void ScriptedUpstream::send(const app::FileDescriptor& from, const Packet& reply, const Packet& peer) {
  sendto(from.get(), reply.data(), reply.size(), 0, reinterpret_cast<const sockaddr*>(peer.data()),
         static_cast<socklen_t>(peer.size()));
}

void ScriptedUpstream::answer_tcp(int fd) {
  std::array<std::byte, 2> length;
  Packet request;
  if (recv(fd, length.data(), 2, MSG_WAITALL) == 2) {
    request.resize(std::to_integer<std::size_t>(length[0]) << 8 | std::to_integer<std::size_t>(length[1]));
    if (recv(fd, request.data(), request.size(), MSG_WAITALL) != static_cast<ssize_t>(request.size())) request.clear();
  }
  if (request.empty() || dead_) {
    for (auto& connection : connections_)
      if (connection.get() == fd) connection = app::FileDescriptor();
    return;
  }
  ++over_tcp_;
  for (const Packet& reply : replies(request, true)) {
    Packet framed{static_cast<std::byte>(reply.size() >> 8), static_cast<std::byte>(reply.size())};
    framed.insert(framed.end(), reply.begin(), reply.end());
    ::send(fd, framed.data(), framed.size(), MSG_NOSIGNAL);
  }
}

std::vector<Packet> ScriptedUpstream::replies(const Packet& request, bool tcp) {
  ldns_pkt* read = nullptr;
  if (ldns_wire2pkt(&read, reinterpret_cast<const std::uint8_t*>(request.data()), request.size()) != LDNS_STATUS_OK)
    return {};
  const Decoded packet(read, &ldns_pkt_free);
  const std::string name = lower_name(*ldns_rr_list_rr(ldns_pkt_question(read), 0));
  {
    const std::lock_guard lock(mutex_);
    ++asked_[name];
  }
  const std::string label = name.substr(0, name.find('.'));
  const std::string address = name + (label == "brief" ? " 1" : " 60") + " IN A 192.0.2.1";
  ldns_pkt_set_qr(read, true);
  ldns_pkt_set_ra(read, true);
  if (label == "silent") return {};
  if (label == "failing") {
    ldns_pkt_set_rcode(read, LDNS_RCODE_SERVFAIL);
    return {encode(*read)};
  }
  if (label == "missing") {
    ldns_pkt_set_rcode(read, LDNS_RCODE_NXDOMAIN);
    push(*read, LDNS_SECTION_AUTHORITY, "example. 60 IN SOA ns.example. admin.example. 1 60 60 60 60");
    return {encode(*read)};
  }
  if (label == "big") {
    ldns_pkt_set_tc(read, !tcp);
    for (int i = 1; tcp && i <= 40; ++i)
      push(*read, LDNS_SECTION_ANSWER, name + " 60 IN A 192.0.2." + std::to_string(i));
    return {encode(*read)};
  }
  if (label == "signed")
    push(*read, LDNS_SECTION_ANSWER, name + " 60 IN RRSIG A 8 2 60 20400101000000 20200101000000 1 example. aGVsbG8=");
  const bool lies = (label == "forged" && !tcp) || label == "wrong";
  if (!lies) {
    push(*read, LDNS_SECTION_ANSWER, address);
    return {encode(*read)};
  }
  const std::uint16_t id = ldns_pkt_id(read);
  push(*read, LDNS_SECTION_ANSWER, name + " 60 IN A 203.0.113.66");
  std::vector<Packet> all;
  if (label == "wrong") {
    all.push_back(encode(*read));
    all.back()[13] = std::byte{'g'};
    return all;
  }
  for (const int difference : {1, 2}) {
    ldns_pkt_set_id(read, static_cast<std::uint16_t>(id + difference));
    all.push_back(encode(*read));
  }
  ldns_pkt_set_id(read, id);
  ldns_rr_free(ldns_rr_list_pop_rr(ldns_pkt_answer(read)));
  ldns_pkt_set_ancount(read, 0);
  push(*read, LDNS_SECTION_ANSWER, address);
  all.push_back(encode(*read));
  return all;
}

}  // namespace idetcd::testing
