#include "encode/rr_encoder.h"

#include <ldns/ldns.h>

#include <new>

#include "wire/wire.h"

namespace idetcd::resolver {
namespace {

constexpr std::size_t kMax = 65535 + 32;
constexpr std::uint16_t kServiceWeight = 1;  // all servers alike; 0 would ask for no choice at all (RFC 2782)

struct RrDeleter {
  void operator()(ldns_rr* rr) const noexcept { ldns_rr_free(rr); }
};
using Rr = std::unique_ptr<ldns_rr, RrDeleter>;

// ldns reports a failed allocation by a null pointer.
template <class T>
T* existing(T* pointer) {
  if (pointer == nullptr) throw std::bad_alloc();
  return pointer;
}

ldns_rdf* data_of(ldns_rdf_type type, std::span<const std::byte> bytes) {
  return existing(ldns_rdf_new_frm_data(type, bytes.size(), bytes.data()));
}

ldns_rdf* name_of(WireName name) {
  return data_of(LDNS_RDF_TYPE_DNAME, name);
}
ldns_rdf* short_of(std::uint16_t value) {
  return existing(ldns_native2rdf_int16(LDNS_RDF_TYPE_INT16, value));
}
ldns_rdf* word_of(ldns_rdf_type type, std::uint32_t value) {
  return existing(ldns_native2rdf_int32(type, value));
}

Rr new_rr(ldns_rr_type type, std::uint32_t ttl) {
  Rr rr(existing(ldns_rr_new()));
  constexpr std::byte kRoot{0};
  ldns_rr_set_owner(rr.get(), name_of({&kRoot, 1}));
  ldns_rr_set_type(rr.get(), type);
  ldns_rr_set_class(rr.get(), LDNS_RR_CLASS_IN);
  ldns_rr_set_ttl(rr.get(), ttl);
  return rr;
}

void push(const Rr& rr, ldns_rdf* field) {
  if (!ldns_rr_push_rdf(rr.get(), field)) throw std::bad_alloc();
}

}  // namespace

class RrEncoder::Scratch {
 public:
  Scratch() : buffer_(existing(ldns_buffer_new(kMax))) {}
  ~Scratch() { ldns_buffer_free(buffer_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  // The record with its owner, which is the root's one byte, replaced by a pointer.
  void append(Bytes& out, const Rr& rr) {
    ldns_buffer_clear(buffer_);
    if (ldns_rr2buffer_wire(buffer_, rr.get(), LDNS_SECTION_ANSWER) != LDNS_STATUS_OK) throw std::bad_alloc();
    const auto* const wire = reinterpret_cast<const std::byte*>(ldns_buffer_begin(buffer_));
    out.push_back(std::byte{0xc0});
    out.push_back(std::byte{kHeaderSize});
    out.insert(out.end(), wire + 1, wire + ldns_buffer_position(buffer_));
  }

 private:
  ldns_buffer* buffer_;
};

RrEncoder::RrEncoder() : scratch_(std::make_unique<Scratch>()) {}
RrEncoder::~RrEncoder() = default;

void RrEncoder::a(Bytes& out, std::uint32_t ttl, const Ipv4& address) {
  const Rr rr = new_rr(LDNS_RR_TYPE_A, ttl);
  push(rr, data_of(LDNS_RDF_TYPE_A, std::as_bytes(std::span(address))));
  scratch_->append(out, rr);
}

void RrEncoder::aaaa(Bytes& out, std::uint32_t ttl, const Ipv6& address) {
  const Rr rr = new_rr(LDNS_RR_TYPE_AAAA, ttl);
  push(rr, data_of(LDNS_RDF_TYPE_AAAA, std::as_bytes(std::span(address))));
  scratch_->append(out, rr);
}

void RrEncoder::txt(Bytes& out, std::uint32_t ttl, const std::vector<std::string>& strings) {
  const Rr rr = new_rr(LDNS_RR_TYPE_TXT, ttl);
  for (const std::string& text : strings) {
    Bytes counted{static_cast<std::byte>(text.size())};
    const auto bytes = std::as_bytes(std::span(text));
    counted.insert(counted.end(), bytes.begin(), bytes.end());
    push(rr, data_of(LDNS_RDF_TYPE_STR, counted));
  }
  scratch_->append(out, rr);
}

void RrEncoder::srv(Bytes& out, std::uint32_t ttl, std::uint16_t port, WireName target) {
  const Rr rr = new_rr(LDNS_RR_TYPE_SRV, ttl);
  push(rr, short_of(0));
  push(rr, short_of(kServiceWeight));
  push(rr, short_of(port));
  push(rr, name_of(target));
  scratch_->append(out, rr);
}

void RrEncoder::ptr(Bytes& out, std::uint32_t ttl, WireName target) {
  const Rr rr = new_rr(LDNS_RR_TYPE_PTR, ttl);
  push(rr, name_of(target));
  scratch_->append(out, rr);
}

void RrEncoder::ns(Bytes& out, std::uint32_t ttl, WireName target) {
  const Rr rr = new_rr(LDNS_RR_TYPE_NS, ttl);
  push(rr, name_of(target));
  scratch_->append(out, rr);
}

void RrEncoder::soa(Bytes& out, std::uint32_t ttl, WireName mname, WireName rname, std::uint32_t minimum) {
  const Rr rr = new_rr(LDNS_RR_TYPE_SOA, ttl);
  push(rr, name_of(mname));
  push(rr, name_of(rname));
  push(rr, word_of(LDNS_RDF_TYPE_INT32, 0));       // serial: written into each answer
  push(rr, word_of(LDNS_RDF_TYPE_PERIOD, 60));     // refresh
  push(rr, word_of(LDNS_RDF_TYPE_PERIOD, 10));     // retry
  push(rr, word_of(LDNS_RDF_TYPE_PERIOD, 86400));  // expire
  push(rr, word_of(LDNS_RDF_TYPE_PERIOD, minimum));
  scratch_->append(out, rr);
}

}  // namespace idetcd::resolver
