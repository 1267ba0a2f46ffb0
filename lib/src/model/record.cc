#include <fmt/format.h>
#include <idetcd/record.h>

#include <charconv>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

namespace idetcd {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxAddresses = 16;
constexpr std::size_t kMaxPorts = 32;
constexpr std::size_t kMaxMeta = 64;
constexpr std::int64_t kMaxTtl = 9'000'000'000;  // etcd grants no longer lease
constexpr int kMaxDepth = 16;                    // ours is 2; the rest is for members that we skip

Error invalid(std::string_view member, std::string_view what) {
  return {ErrorCode::kInvalidArgument, fmt::format("record: \"{}\" {}", member, what)};
}

// The offending value for a message: whoever wrote it must not choose what a log looks like.
std::string shown(const Json& value) {
  constexpr std::size_t kMax = 48;
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > kMax) text.replace(kMax, text.npos, "...");
  return text;
}

const Json* find(const Json& object, std::string_view member) {
  const auto it = object.find(member);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

// --- reading ------------------------------------------------------------------

template <class Address>
using ParseAddress = std::optional<Address> (*)(std::string_view) noexcept;

template <class Address>
Status append_address(std::string_view member, const Json& value, ParseAddress<Address> parse,
                      std::vector<Address>& out) {
  const auto* text = value.get_ptr<const std::string*>();
  const auto address = text ? parse(*text) : std::nullopt;
  if (!address) return invalid(member, fmt::format("is {}, which is not an address of that family", shown(value)));
  out.push_back(*address);
  return {};
}

template <class Address>
Status read_addresses(const Json& object, std::string_view first, std::string_view more, ParseAddress<Address> parse,
                      std::vector<Address>& out) {
  if (const Json* value = find(object, first); value && *value != "") {
    if (auto status = append_address(first, *value, parse, out); !status) return status;
  }
  const Json* others = find(object, more);
  if (!others) return {};
  if (!others->is_array()) return invalid(more, "must be an array of addresses");
  if (others->size() > kMaxAddresses) return invalid(more, fmt::format("has more than {} addresses", kMaxAddresses));
  for (const Json& value : *others) {
    if (auto status = append_address(more, value, parse, out); !status) return status;
  }
  return {};
}

std::optional<std::uint16_t> port_from_number(const Json& value) {
  const auto* number = value.get_ptr<const Json::number_unsigned_t*>();
  if (!number || *number > std::numeric_limits<std::uint16_t>::max()) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

std::optional<std::uint16_t> port_from_text(std::string_view text) {
  if (text.empty()) return std::uint16_t{0};
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return port;
}

Status read_port(const Json& object, std::uint16_t& out) {
  const Json* value = find(object, "port");
  if (!value) return {};
  const auto* text = value->get_ptr<const std::string*>();
  const auto port = text ? port_from_text(*text) : port_from_number(*value);
  if (!port) return invalid("port", fmt::format("is {}; it must be a string of digits up to 65535", shown(*value)));
  out = *port;
  return {};
}

Status read_node(const Json& object, std::string& out) {
  const Json* value = find(object, "node");
  if (!value) return {};
  const auto* text = value->get_ptr<const std::string*>();
  if (!text) return invalid("node", "must be a string");
  out = *text;
  return {};
}

// A whole number from 0 to `most`; absent leaves 0.
Result<std::int64_t> read_number(const Json& object, std::string_view member, std::int64_t most) {
  const Json* value = find(object, member);
  if (!value) return std::int64_t{0};
  const auto* number = value->get_ptr<const Json::number_unsigned_t*>();
  if (!number || *number > static_cast<Json::number_unsigned_t>(most)) {
    return invalid(member, fmt::format("is {}; it must be a number from 0 to {}", shown(*value), most));
  }
  return static_cast<std::int64_t>(*number);
}

Status read_ttl(const Json& object, std::chrono::seconds& out) {
  const auto ttl = read_number(object, "ttl", kMaxTtl);
  if (!ttl) return ttl.error();
  out = std::chrono::seconds{*ttl};
  return {};
}

Status read_token(const Json& object, std::int64_t& out) {
  const auto token = read_number(object, "token", std::numeric_limits<std::int64_t>::max());
  if (!token) return token.error();
  out = *token;
  return {};
}

Status read_ports(const Json& object, std::map<std::string, std::uint16_t>& out) {
  const Json* ports = find(object, "ports");
  if (!ports) return {};
  if (!ports->is_object()) return invalid("ports", "must be an object of names and numbers");
  for (const auto& [name, value] : ports->items()) {
    const auto port = port_from_number(value);
    if (!port) return invalid("ports", fmt::format("has {} as a port; it must be a number up to 65535", shown(value)));
    out.emplace(name, *port);
  }
  return {};
}

Status read_meta(const Json& object, std::map<std::string, std::string>& out) {
  const Json* meta = find(object, "meta");
  if (!meta) return {};
  if (!meta->is_object()) return invalid("meta", "must be an object of names and strings");
  for (const auto& [name, value] : meta->items()) {
    const auto* text = value.get_ptr<const std::string*>();
    if (!text) return invalid("meta", fmt::format("has {} as a value; it must be a string", shown(value)));
    out.emplace(name, *text);
  }
  return {};
}

Result<Json> parse_object(std::string_view text) {
  bool too_deep = false;
  const auto bound_depth = [&too_deep](int depth, Json::parse_event_t, const Json&) {
    too_deep = too_deep || depth > kMaxDepth;
    return !too_deep;
  };
  Json object = Json::parse(text.begin(), text.end(), bound_depth, /*allow_exceptions=*/false);
  if (too_deep) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("record: nested more than {} deep", kMaxDepth)};
  }
  if (!object.is_object()) return Error{ErrorCode::kInvalidArgument, "record: it must be a JSON object"};
  return object;
}

// --- bounds -------------------------------------------------------------------

Status check_values(const Record& record) {
  if (record.ipv4.size() > kMaxAddresses) {
    return invalid("ipv4", fmt::format("has more than {} addresses", kMaxAddresses));
  }
  if (record.ipv6.size() > kMaxAddresses) {
    return invalid("ipv6", fmt::format("has more than {} addresses", kMaxAddresses));
  }
  if (record.ports.size() > kMaxPorts) return invalid("ports", fmt::format("has more than {} entries", kMaxPorts));
  if (record.meta.size() > kMaxMeta) return invalid("meta", fmt::format("has more than {} entries", kMaxMeta));
  if (record.ttl.count() < 0 || record.ttl.count() > kMaxTtl) {
    return invalid("ttl", fmt::format("must be from 0 to {} seconds", kMaxTtl));
  }
  if (record.token < 0) return invalid("token", "must not be negative");
  for (const auto& [name, port] : record.ports) {
    if (name.empty()) return invalid("ports", "has an entry without a name");
    if (port == 0) return invalid("ports", fmt::format("has port 0 for {}", shown(Json(name))));
  }
  return {};
}

bool is_utf8(const std::string& text) {
  try {
    (void)Json(text).dump();
    return true;
  } catch (const Json::exception&) {
    return false;
  }
}

Status check_texts(const Record& record) {
  if (!is_utf8(record.node)) return invalid("node", "is not UTF-8");
  for (const auto& [name, port] : record.ports) {
    if (!is_utf8(name)) return invalid("ports", "has a name that is not UTF-8");
  }
  for (const auto& [name, value] : record.meta) {
    if (!is_utf8(name) || !is_utf8(value)) return invalid("meta", "has an entry that is not UTF-8");
  }
  return {};
}

Error too_long(std::size_t size) {
  return {ErrorCode::kInvalidArgument,
          fmt::format("record: {} bytes of JSON, and at most {} are allowed; shorten \"meta\"", size, kMaxRecordBytes)};
}

template <class Texts>
Result<Record> record_at(const Texts& addresses) {
  Record record;
  for (const std::string_view text : addresses) {
    if (const auto v4 = parse_ipv4(text)) {
      record.ipv4.push_back(*v4);
    } else if (const auto v6 = parse_ipv6(text)) {
      record.ipv6.push_back(*v6);
    } else {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("record: {} is neither an IPv4 nor an IPv6 address", shown(Json(text)))};
    }
  }
  if (auto status = check_values(record); !status) return std::move(status).error();
  return record;
}

template <class Address>
void write_more(nlohmann::ordered_json& members, const char* name, const std::vector<Address>& addresses) {
  for (std::size_t i = 1; i < addresses.size(); ++i) members[name].push_back(to_string(addresses[i]));
}

}  // namespace

Result<Record> Record::at(std::initializer_list<std::string_view> addresses) {
  return record_at(addresses);
}

Result<Record> Record::at(std::span<const std::string> addresses) {
  return record_at(addresses);
}

Result<Record> parse_record(std::string_view json) {
  if (json.size() > kMaxRecordBytes) return too_long(json.size());
  const auto object = parse_object(json);
  if (!object) return object.error();

  Record record;
  for (const Status& status : {
           read_addresses<Ipv4>(*object, "ipv4", "more_ipv4", parse_ipv4, record.ipv4),
           read_addresses<Ipv6>(*object, "ipv6", "more_ipv6", parse_ipv6, record.ipv6),
           read_port(*object, record.port),
           read_node(*object, record.node),
           read_ttl(*object, record.ttl),
           read_token(*object, record.token),
           read_ports(*object, record.ports),
           read_meta(*object, record.meta),
       }) {
    if (!status) return status.error();
  }
  if (auto status = check_values(record); !status) return std::move(status).error();
  // Our spelling is longer than another's by a few bytes at most, so only a big one can outgrow the bound.
  if (json.size() > kMaxRecordBytes / 2) {
    if (const auto size = to_json(record).size(); size > kMaxRecordBytes) return too_long(size);
  }
  return record;
}

Status validate(const Record& record) {
  if (auto status = check_values(record); !status) return status;
  if (auto status = check_texts(record); !status) return status;
  if (const auto size = to_json(record).size(); size > kMaxRecordBytes) return too_long(size);
  return {};
}

std::string to_json(const Record& record) {
  nlohmann::ordered_json members = nlohmann::ordered_json::object();
  if (!record.ipv4.empty()) members["ipv4"] = to_string(record.ipv4.front());
  if (!record.ipv6.empty()) members["ipv6"] = to_string(record.ipv6.front());
  if (record.port != 0) members["port"] = std::to_string(record.port);
  if (!record.node.empty()) members["node"] = record.node;
  if (record.ttl.count() != 0) members["ttl"] = record.ttl.count();
  if (record.token != 0) members["token"] = record.token;
  if (!record.ports.empty()) members["ports"] = record.ports;
  if (!record.meta.empty()) members["meta"] = record.meta;
  write_more(members, "more_ipv4", record.ipv4);
  write_more(members, "more_ipv6", record.ipv6);
  return members.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace idetcd
