// udpvariants: udpfloor with one thing changed at a time, to choose socket options by
// measurement. The results are in README.md.
//
//   udpvariants PORT [batch=64] [rcvbuf=4194304] [busy_poll=0] [df=0] [gso=0] [pktinfo=0]
//
// busy_poll in microseconds; df=1 sends with IP_PMTUDISC_PROBE; gso=1 sends consecutive
// replies of one size to one peer as one UDP_SEGMENT message; pktinfo=1 asks for and
// gives back the local address, as a wildcard socket must.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace {

constexpr std::size_t kPacketSize = 1344;
constexpr std::size_t kMaxBatch = 1024;
constexpr std::size_t kMaxSegments = 64;
constexpr std::uint8_t kRecord[16] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 10, 0, 0, 1};

struct Packet {
  std::uint8_t bytes[kPacketSize];
};

struct Buffers {
  std::vector<Packet> packets{kMaxBatch};
  std::vector<sockaddr_storage> peers{kMaxBatch};
  std::vector<std::array<char, 64>> received_controls{kMaxBatch};
  std::vector<std::array<char, 64>> sent_controls{kMaxBatch};
  std::vector<iovec> inputs{kMaxBatch}, outputs{kMaxBatch};
  std::vector<mmsghdr> received{kMaxBatch}, replies{kMaxBatch};
};

int open_socket(int port, std::map<std::string, int>& option) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  const int yes = 1;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &option["rcvbuf"], sizeof(int)) != 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &option["rcvbuf"], sizeof(int));
  if (option["busy_poll"] != 0) setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL, &option["busy_poll"], sizeof(int));
  const int probe = IP_PMTUDISC_PROBE;
  if (option["df"] != 0) setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &probe, sizeof probe);
  if (option["pktinfo"] != 0) setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &yes, sizeof yes);
  sockaddr_in me{};
  me.sin_family = AF_INET;
  me.sin_port = htons(static_cast<std::uint16_t>(port));
  me.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, reinterpret_cast<sockaddr*>(&me), sizeof me) != 0) {
    std::perror("bind");
    std::exit(1);
  }
  return fd;
}

void arm(Buffers& buffers, std::size_t i, bool pktinfo) {
  buffers.inputs[i] = {buffers.packets[i].bytes, kPacketSize};
  msghdr& message = buffers.received[i].msg_hdr;
  message = {};
  message.msg_name = &buffers.peers[i];
  message.msg_namelen = sizeof buffers.peers[i];
  message.msg_iov = &buffers.inputs[i];
  message.msg_iovlen = 1;
  if (!pktinfo) return;
  message.msg_control = buffers.received_controls[i].data();
  message.msg_controllen = buffers.received_controls[i].size();
}

bool joins(const Buffers& buffers, std::size_t first, std::size_t next) {
  return next - first < kMaxSegments && buffers.outputs[next].iov_len == buffers.outputs[first].iov_len &&
         std::memcmp(&buffers.peers[next], &buffers.peers[first], sizeof(sockaddr_in)) == 0;
}

void segment(Buffers& buffers, msghdr& message, std::size_t reply, std::size_t size) {
  message.msg_control = buffers.sent_controls[reply].data();
  message.msg_controllen = CMSG_SPACE(sizeof(std::uint16_t));
  cmsghdr* const control = CMSG_FIRSTHDR(&message);
  control->cmsg_level = SOL_UDP;
  control->cmsg_type = UDP_SEGMENT;
  control->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
  const auto segment_size = static_cast<std::uint16_t>(size);
  std::memcpy(CMSG_DATA(control), &segment_size, sizeof segment_size);
}

// One message for each reply, or for each run of replies that gso can join.
std::size_t gather(Buffers& buffers, std::size_t count, bool gso) {
  std::size_t replies = 0;
  for (std::size_t first = 0; first < count;) {
    std::size_t next = first + 1;
    while (gso && next < count && joins(buffers, first, next)) ++next;
    msghdr& message = buffers.replies[replies].msg_hdr;
    message = buffers.received[first].msg_hdr;
    message.msg_iov = &buffers.outputs[first];
    message.msg_iovlen = next - first;
    if (next - first > 1) segment(buffers, message, replies, buffers.outputs[first].iov_len);
    ++replies;
    first = next;
  }
  return replies;
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, int> option{{"batch", 64}, {"rcvbuf", 4 << 20}};
  if (argc < 2) {
    std::fprintf(stderr, "usage: udpvariants PORT [name=value ...]\n");
    return 2;
  }
  for (int i = 2; i < argc; ++i) {
    const std::string text = argv[i];
    option[text.substr(0, text.find('='))] = std::atoi(text.substr(text.find('=') + 1).c_str());
  }
  const int fd = open_socket(std::atoi(argv[1]), option);
  const auto batch = static_cast<unsigned>(option["batch"]);
  const bool pktinfo = option["pktinfo"] != 0;
  Buffers buffers;
  for (std::size_t i = 0; i < batch; ++i) arm(buffers, i, pktinfo);
  for (;;) {
    const int received = recvmmsg(fd, buffers.received.data(), batch, MSG_WAITFORONE, nullptr);
    if (received <= 0) continue;
    const auto count = static_cast<std::size_t>(received);
    for (std::size_t i = 0; i < count; ++i) {
      std::uint8_t* const p = buffers.packets[i].bytes;
      const std::size_t size = buffers.received[i].msg_len;
      p[2] |= 0x84;
      p[7] = 1;
      std::memcpy(p + size, kRecord, sizeof kRecord);
      buffers.outputs[i] = {p, size + sizeof kRecord};
    }
    const std::size_t replies = gather(buffers, count, option["gso"] != 0);
    for (std::size_t sent = 0; sent < replies;) {
      const int r = sendmmsg(fd, buffers.replies.data() + sent, static_cast<unsigned>(replies - sent), 0);
      if (r <= 0) break;
      sent += static_cast<std::size_t>(r);
    }
    for (std::size_t i = 0; i < count; ++i) arm(buffers, i, pktinfo);
  }
}
