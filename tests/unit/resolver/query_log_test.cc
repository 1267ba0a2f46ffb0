// The log directive: which queries it logs, and their text.
#include "idetcd-resolver/query_log.h"

#include <catch2/catch.hpp>

#include <cstring>
#include <mutex>

#include "idetcd-resolver/answer/query_tap.h"

using namespace idetcd;
using namespace idetcd::resolver;
using namespace std::chrono_literals;

namespace {

// A request that was read, for `name` in wire format.
ReadRequest request_for(std::string_view name, std::uint16_t type = kTypeA) {
  ReadRequest request;
  request.verdict = Verdict::kQuestion;
  request.question.type = type;
  request.question.qclass = kClassIn;
  request.question.edns.clear();
  const Bytes wire = to_wire(name).value();
  request.question.name_size = static_cast<std::uint16_t>(wire.size());
  std::ranges::copy(wire, request.question.name.begin());
  return request;
}

// A reply's header: id 4660, QR and AA and RD, with so many records.
std::array<std::byte, kHeaderSize> header(unsigned answers, unsigned authorities, Rcode rcode) {
  std::array<std::byte, kHeaderSize> bytes{};
  store16(bytes.data(), 4660);
  store16(bytes.data() + 2, static_cast<std::uint16_t>(0x8500U | static_cast<unsigned>(rcode)));
  store16(bytes.data() + 6, static_cast<std::uint16_t>(answers));
  store16(bytes.data() + 8, static_cast<std::uint16_t>(authorities));
  return bytes;
}

const RequestContext kClient{to_mapped(Ipv4{10, 0, 0, 9}), Transport::kUdp, 0, 0, 4000};

// What a tap with these rules has noted of one query, as text.
std::string noted(const std::vector<app::QueryLogRule>& rules, std::string_view name, unsigned answers,
                  unsigned authorities, Rcode rcode, std::size_t size = 60) {
  QueryTap tap(rules);
  QueryRing& ring = tap.add_ring();
  const auto bytes = header(answers, authorities, rcode);
  tap.note(ring, kClient, 34, request_for(name), {size, rcode, false}, bytes, 1500us);
  const QueryEntry* entry = ring.front();
  return entry == nullptr ? "nothing" : to_text(*entry, app::parse_query_format(rules[entry->rule].format));
}

}  // namespace

TEST_CASE("a query is logged in CoreDNS' common format") {
  CHECK(noted({{".", "", true, true, true}}, "w1.tf.local.", 1, 0, Rcode::kNoError) ==
        "10.0.0.9:4000 - 4660 \"A IN w1.tf.local. udp 34 false 512\" NOERROR qr,aa,rd 60 0.001500000s");
  CHECK(noted({{".", "{combined}", true, true, true}}, "w1.tf.local.", 1, 0, Rcode::kNoError).ends_with("s \"0\""));
  CHECK(noted({{".", "{type} {x} {/meta/x} {", true, true, true}}, ".", 1, 0, Rcode::kNoError) == "A {x} - {");
  CHECK(noted({{".", "{\"name\":\"{name}\"}", true, true, true}}, "a.", 1, 0, Rcode::kNoError) == "{\"name\":\"a.\"}");
  CHECK(noted({{".", "{rcode} {>rflags} {rsize}", true, true, true}}, "a.", 0, 0, Rcode::kNoError, 0) == "- - 0");
}

TEST_CASE("the first rule for a name decides by the class of the answer") {
  const std::vector<app::QueryLogRule> denials{{"tf.local.", "denial", false, true, false},
                                               {".", "any", true, true, true}};
  CHECK(noted(denials, "w9.tf.local.", 0, 1, Rcode::kNxDomain) == "denial");
  CHECK(noted(denials, "w1.tf.local.", 0, 1, Rcode::kNoError) == "denial");  // NODATA
  CHECK(noted(denials, "w1.tf.local.", 1, 0, Rcode::kNoError) == "nothing");
  CHECK(noted(denials, "a.org.", 0, 0, Rcode::kRefused) == "any");
  const std::vector<app::QueryLogRule> errors{{".", "error", false, false, true}};
  CHECK(noted(errors, "a.org.", 0, 0, Rcode::kServFail) == "error");
  CHECK(noted(errors, "a.org.", 0, 1, Rcode::kNxDomain) == "nothing");
  CHECK(noted(errors, "a.org.", 0, 0, Rcode::kNoError, 0) == "error");  // dropped
  CHECK(noted({{"b.", "", true, true, true}}, "a.org.", 1, 0, Rcode::kNoError) == "nothing");
}

TEST_CASE("a full ring counts what it cannot take, and nothing waits") {
  const auto tap = std::make_shared<QueryTap>(std::vector<app::QueryLogRule>{{".", "", true, true, true}});
  QueryRing& ring = tap->add_ring();
  const auto bytes = header(1, 0, Rcode::kNoError);
  const ReadRequest request = request_for("a.org.");
  for (int i = 0; i < 2000; ++i) tap->note(ring, kClient, 34, request, {60, Rcode::kNoError, false}, bytes, 1us);
  std::mutex mutex;
  std::vector<std::string> lines;
  {
    const QueryLog log({{tap, {app::parse_query_format("{name}")}}}, [&](LogLevel, std::string_view line) {
      const std::lock_guard lock(mutex);
      lines.emplace_back(line);
    });
  }
  REQUIRE(lines.size() == 1025);
  CHECK(lines.front() == "a.org.");
  CHECK(lines.back() == "log: 976 queries came too fast to be logged");
}
