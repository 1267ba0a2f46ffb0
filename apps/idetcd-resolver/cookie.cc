#include "cookie.h"

#include <sys/random.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <random>

#include "wire.h"

namespace idetcd::resolver {
namespace {

constexpr std::uint32_t kOldest = 3600;  // RFC 9018 4.3
constexpr std::uint32_t kAhead = 300;

struct SipState {
  std::uint64_t v0, v1, v2, v3;

  void round() noexcept {
    v0 += v1;
    v2 += v3;
    v1 = std::rotl(v1, 13) ^ v0;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 = std::rotl(v0, 32);
    v2 += v1;
    v0 += v3;
    v1 = std::rotl(v1, 17) ^ v2;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 = std::rotl(v2, 32);
  }

  void absorb(std::uint64_t word) noexcept {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
};

std::uint64_t load_little(const void* at, std::size_t size) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, at, size);
  return word;
}

bool is_ipv4(const PeerAddress& address) noexcept {
  constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::equal(kMapped.begin(), kMapped.end(), address.begin());
}

}  // namespace

CookieSecret CookieSecret::random() {
  CookieSecret secret;
  if (getrandom(secret.bytes.data(), secret.bytes.size(), 0) == static_cast<ssize_t>(secret.bytes.size()))
    return secret;
  std::random_device device;  // getrandom is refused in some sandboxes
  std::generate(secret.bytes.begin(), secret.bytes.end(), [&] { return static_cast<std::uint8_t>(device()); });
  return secret;
}

std::uint64_t siphash24(const CookieSecret& secret, std::span<const std::byte> data) noexcept {
  const std::uint64_t k0 = load_little(secret.bytes.data(), 8);
  const std::uint64_t k1 = load_little(secret.bytes.data() + 8, 8);
  SipState state{k0 ^ 0x736f6d6570736575U, k1 ^ 0x646f72616e646f6dU, k0 ^ 0x6c7967656e657261U,
                 k1 ^ 0x7465646279746573U};
  const std::uint64_t size = data.size();
  for (; data.size() >= 8; data = data.subspan(8)) state.absorb(load_little(data.data(), 8));
  state.absorb(load_little(data.data(), data.size()) | size << 56);
  state.v2 ^= 0xff;
  for (int i = 0; i < 4; ++i) state.round();
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

ServerCookie make_server_cookie(const CookieSecret& secret, std::span<const std::byte, kClientCookieSize> client,
                                const PeerAddress& address, std::uint32_t now) noexcept {
  ServerCookie cookie{};
  cookie[0] = std::byte{1};  // version; three reserved bytes follow
  store32(cookie.data() + 4, now);
  // Hashed: client cookie, version, reserved, timestamp, address (RFC 9018 4.4).
  std::array<std::byte, kClientCookieSize + 8 + 16> input;
  std::copy(client.begin(), client.end(), input.begin());
  std::copy_n(cookie.begin(), 8, input.begin() + kClientCookieSize);
  const std::size_t skip = is_ipv4(address) ? 12 : 0;
  std::memcpy(input.data() + 16, address.data() + skip, address.size() - skip);
  const std::uint64_t hash = siphash24(secret, std::span(input).first(16 + address.size() - skip));
  std::memcpy(cookie.data() + 8, &hash, sizeof hash);
  return cookie;
}

bool valid_server_cookie(const CookieSecret& secret, std::span<const std::byte, kClientCookieSize> client,
                         std::span<const std::byte> server, const PeerAddress& address, std::uint32_t now) noexcept {
  if (server.size() != kServerCookieSize) return false;
  const std::uint32_t made = load32(server.data() + 4);
  const auto age = static_cast<std::int32_t>(now - made);  // serial arithmetic, RFC 1982
  if (age > static_cast<std::int32_t>(kOldest) || age < -static_cast<std::int32_t>(kAhead)) return false;
  const ServerCookie expected = make_server_cookie(secret, client, address, made);
  return std::equal(expected.begin(), expected.end(), server.begin());
}

}  // namespace idetcd::resolver
