// DNS cookies (RFC 7873) with the interoperable server cookie of RFC 9018.
#pragma once

#include <idetcd/record.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace idetcd::resolver {

// 128 bits; all servers behind one address must share them.
struct CookieSecret {
  std::array<std::uint8_t, 16> bytes{};

  static CookieSecret random();  // from the kernel
};

inline constexpr std::size_t kClientCookieSize = 8;
inline constexpr std::size_t kServerCookieSize = 16;

using ServerCookie = std::array<std::byte, kServerCookieSize>;

// The server cookie for this client cookie, address and time (RFC 9018 4); a new one
// for each reply. Empty where OpenSSL is set up without SipHash: then no cookie is sent.
std::optional<ServerCookie> make_server_cookie(const CookieSecret& secret,
                                               std::span<const std::byte, kClientCookieSize> client,
                                               const Ipv6& address, std::uint32_t now) noexcept;

}  // namespace idetcd::resolver
