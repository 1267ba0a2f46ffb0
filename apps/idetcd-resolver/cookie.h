// DNS cookies (RFC 7873) with the interoperable server cookie of RFC 9018.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "networks.h"

namespace idetcd::resolver {

// 128 bits; all servers behind one address must share them.
struct CookieSecret {
  std::array<std::uint8_t, 16> bytes{};

  static CookieSecret random();  // from the kernel
};

inline constexpr std::size_t kClientCookieSize = 8;
inline constexpr std::size_t kServerCookieSize = 16;

using ServerCookie = std::array<std::byte, kServerCookieSize>;

// SipHash-2-4 with a 64-bit result (RFC 9018 4.4).
std::uint64_t siphash24(const CookieSecret& secret, std::span<const std::byte> data) noexcept;

// The server cookie for this client cookie, address and time (RFC 9018 4). Pure.
ServerCookie make_server_cookie(const CookieSecret& secret, std::span<const std::byte, kClientCookieSize> client,
                                const PeerAddress& address, std::uint32_t now) noexcept;

// Whether `server` is one of ours, made for this client at most an hour ago and at
// most five minutes ahead (RFC 9018 4.3).
bool valid_server_cookie(const CookieSecret& secret, std::span<const std::byte, kClientCookieSize> client,
                         std::span<const std::byte> server, const PeerAddress& address, std::uint32_t now) noexcept;

}  // namespace idetcd::resolver
