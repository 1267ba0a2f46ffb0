#include <idetcd/record.h>

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>

using idetcd::parse_record;
using idetcd::Record;
using idetcd::to_json;
using idetcd::to_string;

namespace {

std::string rejection(std::string_view json) {
  const auto record = parse_record(json);
  REQUIRE_FALSE(record);
  CHECK(record.error().code == idetcd::ErrorCode::kInvalidArgument);
  return record.error().message;
}

Record full_record() {
  Record record;
  record.ipv4 = {{10, 0, 0, 1}, {10, 1, 0, 1}};
  record.ipv6 = {*idetcd::parse_ipv6("fd00::1"), *idetcd::parse_ipv6("fd01::1")};
  record.port = 53;
  record.node = "host-7";
  record.ttl = std::chrono::seconds{20};
  record.token = 41;
  record.ports = {{"grpc", 2222}};
  record.meta = {{"role", "ps"}};
  return record;
}

}  // namespace

TEST_CASE("a record of the Go ancestor is read") {
  const auto record = parse_record(R"({"ipv4":"10.0.0.1","ipv6":"fd00::1","port":"53"})");
  REQUIRE(record);
  CHECK(record->ipv4 == std::vector<idetcd::Ipv4>{{10, 0, 0, 1}});
  REQUIRE(record->ipv6.size() == 1);
  CHECK(to_string(record->ipv6[0]) == "fd00::1");
  CHECK(record->port == 53);
  CHECK(record->node.empty());
}

TEST_CASE("every member may be absent, empty or null") {
  CHECK(*parse_record("{}") == Record{});
  CHECK(*parse_record(R"({"ipv4":"","ipv6":"","port":""})") == Record{});
  CHECK(*parse_record(R"({"ipv4":null,"port":null,"meta":null,"more_ipv4":null})") == Record{});
  CHECK(parse_record(R"( {"port":53} )")->port == 53);
  CHECK(parse_record(R"({"port":"0"})")->port == 0);
}

TEST_CASE("a record is written on one line in the ancestor's spelling, ours behind") {
  CHECK(to_json(full_record()) ==
        R"({"ipv4":"10.0.0.1","ipv6":"fd00::1","port":"53","node":"host-7","ttl":20,"token":41,"ports":{"grpc":2222},)"
        R"("meta":{"role":"ps"},"more_ipv4":["10.1.0.1"],"more_ipv6":["fd01::1"]})");
  CHECK(to_json(Record{}) == "{}");
  CHECK(*parse_record(to_json(full_record())) == full_record());
}

TEST_CASE("unknown members are skipped, of a repeated one the last counts") {
  CHECK(parse_record(R"({"weight":[1,{"a":[true,null,-1.5]}],"IPv4":"x","port":"54"})")->port == 54);
  CHECK(parse_record(R"({"port":"bad","port":"55"})")->port == 55);
}

TEST_CASE("a bad member is named") {
  CHECK_THAT(rejection(R"({"ipv4":"10.0.0"})"), Catch::Contains("\"ipv4\"") && Catch::Contains("10.0.0"));
  CHECK_THAT(rejection(R"({"ipv4":7})"), Catch::Contains("\"ipv4\""));
  CHECK_THAT(rejection(R"({"ipv6":"10.0.0.1"})"), Catch::Contains("\"ipv6\""));
  CHECK_THAT(rejection(R"({"more_ipv4":"10.0.0.1"})"), Catch::Contains("\"more_ipv4\""));
  CHECK_THAT(rejection(R"({"more_ipv6":["fd00::1",""]})"), Catch::Contains("\"more_ipv6\""));
  for (const char* port :
       {"\"65536\"", "\"-1\"", "\"5x\"", "\" 53\"", "\"0x35\"", "65536", "-1", "5.0", "true", "{}"}) {
    CHECK_THAT(rejection(std::string(R"({"port":)") + port + "}"), Catch::Contains("\"port\""));
  }
  CHECK_THAT(rejection(R"({"node":1})"), Catch::Contains("\"node\""));
  CHECK_THAT(rejection(R"({"ttl":-1})"), Catch::Contains("\"ttl\""));
  CHECK_THAT(rejection(R"({"ttl":9000000001})"), Catch::Contains("\"ttl\""));
  CHECK_THAT(rejection(R"({"token":9223372036854775808})"), Catch::Contains("\"token\""));
  CHECK_THAT(rejection(R"({"ports":[]})"), Catch::Contains("\"ports\""));
  CHECK_THAT(rejection(R"({"ports":{"grpc":0}})"), Catch::Contains("grpc"));
  CHECK_THAT(rejection(R"({"ports":{"":1}})"), Catch::Contains("\"ports\""));
  CHECK_THAT(rejection(R"({"meta":{"a":1}})"), Catch::Contains("\"meta\""));
}

TEST_CASE("what is not one JSON object is refused") {
  for (const char* json : {"", " ", "null", "[]", "\"a\"", "1", "{", "{}{}", "{\"port\":}", "{'port':'53'}",
                           "{\"a\":1,}", "{\"node\":\"\xff\"}", "\xef\xbb\xbf", "{\"node\":\"\\ud800\"}"}) {
    CHECK_FALSE(rejection(json).empty());
  }
}

TEST_CASE("a message never repeats what a stranger wrote at length or raw") {
  const auto message = rejection("{\"port\":\"\\u001b[2J" + std::string(4000, 'x') + "\"}");
  CHECK(message.size() < 160);
  CHECK(message.find('\x1b') == message.npos);
}

TEST_CASE("size and depth of what is read are bounded") {
  const auto padded = [](std::size_t size) {
    const std::string head = R"({"port":"53","x":")";
    return head + std::string(size - head.size() - 2, 'x') + "\"}";
  };
  CHECK(parse_record(padded(idetcd::kMaxRecordBytes)));
  CHECK_THAT(rejection(padded(idetcd::kMaxRecordBytes + 1)), Catch::Contains("8192"));
  CHECK_THAT(rejection(std::string(idetcd::kMaxRecordBytes, '[')), Catch::Contains("deep"));
  CHECK_THAT(rejection(R"({"x":)" + std::string(100, '[') + std::string(100, ']') + "}"), Catch::Contains("deep"));
  CHECK(parse_record(R"({"x":[[[[[[[[1]]]]]]]]})"));
}

TEST_CASE("a record that only our own spelling makes too long is refused") {
  const std::string head = R"({"port":53,"node":")";
  const auto with_size = [&](std::size_t size) { return head + std::string(size - head.size() - 2, 'x') + "\"}"; };
  CHECK(parse_record(with_size(idetcd::kMaxRecordBytes - 2)));
  CHECK_FALSE(parse_record(with_size(idetcd::kMaxRecordBytes - 1)));
}

TEST_CASE("validate names the member and the bound") {
  const auto message = [](const Record& record) {
    const auto status = idetcd::validate(record);
    return status ? std::string{} : status.error().message;
  };
  CHECK(message(full_record()).empty());
  Record record;
  record.ipv4.resize(16);
  record.ipv6.resize(16);
  CHECK(message(record).empty());
  record.ipv4.resize(17);
  CHECK_THAT(message(record), Catch::Contains("\"ipv4\"") && Catch::Contains("16"));
  CHECK_THAT(rejection(to_json(record)), Catch::Contains("ipv4"));

  record = full_record();
  for (std::uint16_t i = 1; i <= 32; ++i) record.ports.emplace("port" + std::to_string(i), i);
  CHECK_THAT(message(record), Catch::Contains("\"ports\"") && Catch::Contains("32"));

  record = full_record();
  for (int i = 0; i < 64; ++i) record.meta.emplace(std::to_string(i), "");
  CHECK_THAT(message(record), Catch::Contains("\"meta\"") && Catch::Contains("64"));

  record = full_record();
  record.ttl = std::chrono::seconds{-1};
  CHECK_THAT(message(record), Catch::Contains("\"ttl\""));

  record = full_record();
  record.meta["note"] = std::string(idetcd::kMaxRecordBytes, 'x');
  CHECK_THAT(message(record), Catch::Contains("8192"));

  record = full_record();
  record.node = "\xc3";
  CHECK_THAT(message(record), Catch::Contains("\"node\"") && Catch::Contains("UTF-8"));
  CHECK(parse_record(to_json(record)));  // not what was meant, but still a record
}

TEST_CASE("any valid record comes back as it was") {
  std::mt19937 random(20240229);
  const auto below = [&](unsigned limit) { return static_cast<unsigned>(random() % limit); };
  const auto text = [&] {
    static const std::string alphabet[] = {"a",  "Z",    "0",    " ", "\"", "\\", "/",
                                           "\n", "\x01", "\x7f", "é", "語", "😀",  std::string(1, '\0')};
    std::string out;
    for (unsigned i = below(12); i > 0; --i) out += alphabet[below(std::size(alphabet))];
    return out;
  };
  for (int round = 0; round < 2000; ++round) {
    Record record;
    record.ipv4.resize(below(17));
    for (auto& address : record.ipv4) std::generate(address.begin(), address.end(), random);
    record.ipv6.resize(below(17));
    for (auto& address : record.ipv6) {
      std::generate(address.begin(), address.end(), [&] { return below(3) == 0 ? random() : 0; });
    }
    record.port = static_cast<std::uint16_t>(random());
    record.node = text();
    record.ttl = std::chrono::seconds{below(2) == 0 ? 0 : below(1'000'000'000)};
    record.token = below(2) == 0 ? 0 : static_cast<std::int64_t>(random()) << 20;
    for (unsigned i = below(33); i > 0; --i) record.ports["p" + text()] = static_cast<std::uint16_t>(1 + below(65535));
    for (unsigned i = below(65); i > 0; --i) record.meta[text()] = text();
    REQUIRE(idetcd::validate(record));
    const auto json = to_json(record);
    INFO(json);
    REQUIRE(json.find('\n') == json.npos);
    const auto read = parse_record(json);
    REQUIRE(read);
    REQUIRE(*read == record);
  }
}

TEST_CASE("a record from text addresses") {
  const auto record = Record::at({"10.0.0.1", "fd00::1", "10.1.0.1"});
  REQUIRE(record);
  CHECK(record->ipv4 == std::vector<idetcd::Ipv4>{{10, 0, 0, 1}, {10, 1, 0, 1}});
  CHECK(record->ipv6 == std::vector{*idetcd::parse_ipv6("fd00::1")});
  CHECK(Record::at(std::vector<std::string>{"10.0.0.1"})->ipv4.size() == 1);
  const auto bad = Record::at({"10.0.0.1", "10.0.0.256"});
  REQUIRE_FALSE(bad);
  CHECK(bad.error().code == idetcd::ErrorCode::kInvalidArgument);
  CHECK(bad.error().message.find("\"10.0.0.256\"") != std::string::npos);
  CHECK_FALSE(Record::at(std::vector<std::string>(17, "10.0.0.1")));
}
