// udpuring: udpfloor over io_uring: one multishot receive into provided buffers, replies
// as sends that are submitted in batches. Built where liburing is installed.
//
//   udpuring PORT
#include <arpa/inet.h>
#include <liburing.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

constexpr unsigned kBuffers = 1024;
constexpr unsigned kBufferSize = 2048;
constexpr std::uint64_t kReceive = ~std::uint64_t{0};
constexpr std::uint8_t kRecord[16] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 10, 0, 0, 1};

struct Server {
  int fd = -1;
  io_uring ring{};
  io_uring_buf_ring* buffers = nullptr;
  std::vector<std::uint8_t> memory = std::vector<std::uint8_t>(std::size_t{kBuffers} * kBufferSize);
  std::vector<msghdr> messages = std::vector<msghdr>(kBuffers);
  std::vector<iovec> outputs = std::vector<iovec>(kBuffers);
  msghdr shape{};

  std::uint8_t* buffer(unsigned id) { return memory.data() + std::size_t{id} * kBufferSize; }
  void give_back(unsigned id, int offset) {
    io_uring_buf_ring_add(buffers, buffer(id), kBufferSize, static_cast<unsigned short>(id),
                          io_uring_buf_ring_mask(kBuffers), offset);
  }
  io_uring_sqe* submission() {
    io_uring_sqe* sqe = io_uring_get_sqe(&ring);
    while (sqe == nullptr) {
      io_uring_submit(&ring);
      sqe = io_uring_get_sqe(&ring);
    }
    return sqe;
  }
  void receive() {
    io_uring_sqe* const sqe = submission();
    io_uring_prep_recvmsg_multishot(sqe, fd, &shape, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = 1;
    io_uring_sqe_set_data64(sqe, kReceive);
  }
  void reply(const io_uring_cqe* cqe) {
    const unsigned id = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
    io_uring_recvmsg_out* const out = io_uring_recvmsg_validate(buffer(id), cqe->res, &shape);
    auto* const p = static_cast<std::uint8_t*>(io_uring_recvmsg_payload(out, &shape));
    const unsigned size = io_uring_recvmsg_payload_length(out, cqe->res, &shape);
    p[2] |= 0x84;
    p[7] = 1;
    std::memcpy(p + size, kRecord, sizeof kRecord);
    outputs[id] = {p, size + sizeof kRecord};
    messages[id] = {};
    messages[id].msg_name = io_uring_recvmsg_name(out);
    messages[id].msg_namelen = sizeof(sockaddr_in);
    messages[id].msg_iov = &outputs[id];
    messages[id].msg_iovlen = 1;
    io_uring_sqe* const sqe = submission();
    io_uring_prep_sendmsg(sqe, fd, &messages[id], 0);
    io_uring_sqe_set_data64(sqe, id);
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  Server server;
  server.fd = socket(AF_INET, SOCK_DGRAM, 0);
  const int big = 4 << 20;
  setsockopt(server.fd, SOL_SOCKET, SO_RCVBUF, &big, sizeof big);
  sockaddr_in me{};
  me.sin_family = AF_INET;
  me.sin_port = htons(static_cast<std::uint16_t>(std::atoi(argv[1])));
  me.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(server.fd, reinterpret_cast<sockaddr*>(&me), sizeof me) != 0) return 1;
  io_uring_params params{};
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE;
  params.cq_entries = 4 * kBuffers;
  if (const int error = io_uring_queue_init_params(kBuffers, &server.ring, &params); error != 0) {
    std::fprintf(stderr, "io_uring: %s\n", std::strerror(-error));
    return 1;
  }
  void* memory = nullptr;
  if (posix_memalign(&memory, 4096, kBuffers * sizeof(io_uring_buf)) != 0) return 1;
  server.buffers = static_cast<io_uring_buf_ring*>(memory);
  io_uring_buf_reg reg{};
  reg.ring_addr = reinterpret_cast<std::uint64_t>(memory);
  reg.ring_entries = kBuffers;
  reg.bgid = 1;
  if (io_uring_register_buf_ring(&server.ring, &reg, 0) != 0) return 1;
  io_uring_buf_ring_init(server.buffers);
  for (unsigned id = 0; id < kBuffers; ++id) server.give_back(id, static_cast<int>(id));
  io_uring_buf_ring_advance(server.buffers, kBuffers);
  server.shape.msg_namelen = sizeof(sockaddr_in);
  server.receive();

  for (;;) {
    io_uring_submit_and_wait(&server.ring, 1);
    io_uring_cqe* cqe = nullptr;
    unsigned head = 0, seen = 0;
    int returned = 0;
    io_uring_for_each_cqe(&server.ring, head, cqe) {
      ++seen;
      if (cqe->user_data != kReceive) {
        server.give_back(static_cast<unsigned>(cqe->user_data), returned++);
        continue;
      }
      if (cqe->res > 0) server.reply(cqe);
      if ((cqe->flags & IORING_CQE_F_MORE) == 0) server.receive();
    }
    io_uring_cq_advance(&server.ring, seen);
    if (returned != 0) io_uring_buf_ring_advance(server.buffers, returned);
  }
}
