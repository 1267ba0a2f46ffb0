// One slot's record in DNS: its RRsets, and the part of it that other names depend on.
#pragma once

#include <idetcd/record_store.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "encode/rr_encoder.h"
#include "wire/wire_name.h"
#include "zone/name_table.h"

namespace idetcd::resolver {

// The part of a record that other names' answers depend on.
struct SlotFacts {
  std::vector<Ipv4> ipv4{};  // each once
  std::vector<Ipv6> ipv6{};
  std::vector<std::pair<std::string, std::uint16_t>> services{};  // "grpc" -> port; lower case, each once
};

bool offers(const SlotFacts& facts, const std::string& service);

// Decoded from the slot's node; empty if there is none. Facts kept beside each node
// would take a tenth of the memory of all names.
SlotFacts facts_of(const Node* node);

// From the record. Adds to `left_out` the ports whose names are not service labels.
SlotFacts facts_of(const Record& record, std::size_t& left_out);

std::uint32_t ttl_of(const Record& record, std::chrono::seconds ttl);

// The slot's own RRsets, in place of all others: A, AAAA, TXT; and the services, as the
// node's notes. Adds to `left_out` the TXT strings that are too long.
void put_slot(NodeDraft& draft, const NamedRecord& named, const SlotFacts& facts, std::uint32_t ttl, RrEncoder& encoder,
              std::size_t& left_out);
// "_grpc._tcp." in front of `name`; empty if that is too long.
std::optional<Bytes> service_name(const std::string& service, WireName name);

// The node of service_name(service, name): SRV, and the addresses as extras.
void put_service(NodeDraft& draft, std::uint16_t port, WireName name, const SlotFacts& facts, std::uint32_t ttl,
                 RrEncoder& encoder);

// Appends the A and AAAA records of `facts` for an owner that begins at `offset` of the
// message, as far as a pointer reaches; returns how many.
unsigned put_addresses(Bytes& out, const SlotFacts& facts, std::size_t offset, std::uint32_t ttl, RrEncoder& encoder);

}  // namespace idetcd::resolver
