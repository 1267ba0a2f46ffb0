// What one slot's record says in DNS, and what a node says that was made from one.
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

// Reads them back from the slot's node; nothing if there is none.
SlotFacts facts_of(const Node* node);

// From the record; `left_out` counts ports whose names are no service labels.
SlotFacts facts_of(const Record& record, std::size_t& left_out);

std::uint32_t ttl_of(const Record& record, std::chrono::seconds ttl);

// The slot's own RRsets: A, AAAA, TXT; and the facts, as the node's notes.
void put_slot(NodeDraft& draft, const NamedRecord& named, const SlotFacts& facts, std::uint32_t ttl, RrEncoder& encoder,
              std::size_t& left_out);
// Takes them away; children keep the name in existence.
void clear_slot(NodeDraft& draft);

// "_grpc._tcp." in front of `name`; empty if that is too long.
std::optional<Bytes> service_name(const std::string& service, WireName name);

// The node of service_name(service, name): SRV, and the addresses as extras.
void put_service(NodeDraft& draft, std::uint16_t port, WireName name, const SlotFacts& facts, std::uint32_t ttl,
                 RrEncoder& encoder);

// Appends the A and AAAA records of `facts` for an owner that begins at `offset` of the
// message, as far as a pointer reaches; returns how many.
unsigned put_addresses(Bytes& out, const SlotFacts& facts, std::size_t offset, std::uint32_t ttl, RrEncoder& encoder);

}  // namespace idetcd::resolver
