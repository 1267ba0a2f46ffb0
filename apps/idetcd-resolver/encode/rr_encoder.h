// RrEncoder: resource records to wire format, by ldns. The only user of ldns on the
// way from a record to an answer.
#pragma once

#include <idetcd/record.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "wire/wire_name.h"

namespace idetcd::resolver {

// For one thread at a time. Each call appends one record, class IN, to `out`; its owner
// is the pointer C0 0C (the question's name), names in its data are not compressed.
class RrEncoder {
 public:
  RrEncoder();
  ~RrEncoder();
  RrEncoder(const RrEncoder&) = delete;
  RrEncoder& operator=(const RrEncoder&) = delete;

  void a(Bytes& out, std::uint32_t ttl, const Ipv4& address);
  void aaaa(Bytes& out, std::uint32_t ttl, const Ipv6& address);
  // One record of several strings, each at most 255 bytes.
  void txt(Bytes& out, std::uint32_t ttl, const std::vector<std::string>& strings);
  void srv(Bytes& out, std::uint32_t ttl, std::uint16_t port, WireName target);
  void ptr(Bytes& out, std::uint32_t ttl, WireName target);
  void ns(Bytes& out, std::uint32_t ttl, WireName target);
  // The offsets of the two names follow from their sizes; see Zone.
  void soa(Bytes& out, std::uint32_t ttl, WireName mname, WireName rname, std::uint32_t minimum);

 private:
  class Scratch;
  std::unique_ptr<Scratch> scratch_;
};

// The size of a record's part before its data: owner pointer, type, class, TTL, length.
inline constexpr std::size_t kRrHeader = 12;

}  // namespace idetcd::resolver
