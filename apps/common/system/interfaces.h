// Who this machine is, and the addresses of its interfaces.
#pragma once

#include <idetcd/network.h>
#include <idetcd/result.h>

#include <string>
#include <string_view>
#include <vector>

namespace idetcd::app {

// Adds an IP address, or all addresses of the interface of that name; not the link-local ones of
// IPv6, as in CoreDNS. kInvalidArgument: it is neither; the message names the interfaces.
Status add_bind_addresses(std::string_view address_or_interface, std::vector<IpAddress>& addresses);

// "localhost" if it has none.
std::string host_name();

}  // namespace idetcd::app
