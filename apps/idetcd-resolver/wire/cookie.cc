#include "wire/cookie.h"

#include <sys/random.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "wire/siphash.h"
#include "wire/wire.h"

namespace idetcd::resolver {
CookieSecret CookieSecret::random() {
  CookieSecret secret;
  if (getrandom(secret.bytes.data(), secret.bytes.size(), 0) == static_cast<ssize_t>(secret.bytes.size()))
    return secret;
  std::random_device device;  // getrandom is refused in some sandboxes
  std::generate(secret.bytes.begin(), secret.bytes.end(), [&] { return static_cast<std::uint8_t>(device()); });
  return secret;
}

std::optional<ServerCookie> make_server_cookie(const CookieSecret& secret,
                                               std::span<const std::byte, kClientCookieSize> client,
                                               const Ipv6& address, std::uint32_t now) noexcept {
  ServerCookie cookie{};
  cookie[0] = std::byte{1};  // version; three reserved bytes follow
  store32(cookie.data() + 4, now);
  // Hashed: client cookie, version, reserved, timestamp, address (RFC 9018 4.4).
  std::array<std::byte, kClientCookieSize + 8 + 16> input;
  std::copy(client.begin(), client.end(), input.begin());
  std::copy_n(cookie.begin(), 8, input.begin() + kClientCookieSize);
  const std::size_t size = from_mapped(address) ? Ipv4{}.size() : address.size();
  std::memcpy(input.data() + 16, address.data() + address.size() - size, size);
  const auto hash = siphash24(secret.bytes, std::span(input).first(16 + size));
  if (!hash) return std::nullopt;
  std::copy(hash->begin(), hash->end(), cookie.begin() + 8);
  return cookie;
}

}  // namespace idetcd::resolver
