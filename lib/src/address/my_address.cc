#include <idetcd/my_address.h>

#include <fmt/format.h>

#include <utility>

#include "address/address_choice.h"
#include "address/ip_address.h"

namespace idetcd {
namespace {

Error wrong(std::string_view option, std::string message) {
  return {ErrorCode::kInvalidArgument, std::move(message), std::string(option)};
}

Result<IpAddress> parse_advertised(std::string_view text) {
  const auto address = internal::parse_ip(text);
  if (!address) {
    return wrong("advertise", fmt::format("\"{}\" is not an IP address; expected e.g. 10.0.0.7 or fd00::7", text));
  }
  const Ipv4* v4 = std::get_if<Ipv4>(&*address);
  const Ipv6* v6 = std::get_if<Ipv6>(&*address);
  if ((v4 && *v4 == Ipv4{}) || (v6 && *v6 == Ipv6{})) {
    return wrong("advertise",
                 fmt::format("\"{}\" is the unspecified address; give one at which others reach this machine", text));
  }
  if ((v4 && (*v4)[0] >= 224) || (v6 && (*v6)[0] == 0xff)) {
    return wrong(
        "advertise",
        fmt::format("\"{}\" is a multicast or broadcast address; give one at which others reach this machine", text));
  }
  return *address;
}

Result<MyAddresses> parse_advertise(const MyAddressOptions& options) {
  if (!options.interface.empty() || !options.cidr.empty()) {
    return wrong(options.interface.empty() ? "cidr" : "interface",
                 "this chooses among the machine's addresses, but advertise already names them; use one of the two");
  }
  MyAddresses all;
  for (const std::string& text : options.advertise) {
    const auto address = parse_advertised(text);
    if (!address) return address.error();
    if (const auto* v4 = std::get_if<Ipv4>(&*address)) all.ipv4.push_back(*v4);
    if (const auto* v6 = std::get_if<Ipv6>(&*address)) all.ipv6.push_back(*v6);
  }
  return all;
}

Result<internal::AddressFilter> parse_filter(const MyAddressOptions& options) {
  internal::AddressFilter filter{options.interface, {}};
  for (const std::string& text : options.cidr) {
    auto network = parse_network(text);
    if (!network) return wrong("cidr", network.error().message);
    filter.cidr.push_back(*network);
  }
  return filter;
}

}  // namespace

std::string_view to_string(AddressSource source) noexcept {
  switch (source) {
    case AddressSource::kAdvertise: return "advertise";
    case AddressSource::kFilter: return "interface or cidr";
    case AddressSource::kEtcdRoute: return "route to etcd";
    case AddressSource::kDefaultRoute: return "default route";
    case AddressSource::kInterface: return "first interface";
    case AddressSource::kBridge: return "bridge";
    case AddressSource::kLoopback: return "loopback";
  }
  return "";
}

Status check(const MyAddressOptions& options) {
  if (!options.advertise.empty()) {
    const auto advertised = parse_advertise(options);
    return advertised ? Status() : advertised.error();
  }
  const auto filter = parse_filter(options);
  return filter ? Status() : filter.error();
}

Result<MyAddresses> my_addresses(const MyAddressOptions& options) {
  if (!options.advertise.empty()) return parse_advertise(options);
  const auto filter = parse_filter(options);
  if (!filter) return filter.error();
  internal::RouteSources routes;
  if (filter->empty()) routes = {internal::route_sources(options.endpoints), internal::default_route_sources()};
  return internal::choose_addresses(*filter, internal::machine_addresses(), routes);
}

}  // namespace idetcd
