// The sources of the settings and their order: flags, then IDETCD_* in the
// environment, then etcdctl's ETCDCTL_* for etcd, then the Corefile, then the defaults.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/corefile/variables.h"
#include "common/settings/assignment.h"
#include "common/settings/settings.h"

namespace idetcd::app {

// What the command line gave.
struct GivenFlags {
  SettingSource settings;
  std::string conf;                         // --conf; empty: not given
  std::optional<std::uint16_t> dns_port{};  // -dns.port, as CoreDNS has it: of server keys without a port
};

Environment process_environment();

// For each variable of `environment` ("NAME=value") that begins with IDETCD_ and means nothing: what to log of it.
std::vector<std::string> unknown_variables(std::span<const std::string> environment);

// Reads all sources (the file is --conf, IDETCD_CONF, or ./Corefile if there is one)
// and checks the whole. Throws Exit, with status 78 if a file is wrong.
Settings load_settings(const GivenFlags& given, const Environment& environment);

// The settings of one Corefile text, unchecked as a whole. Throws Exit; `file` names it
// in messages. `environment` has the values of its {$VARIABLES}.
void apply_corefile(Settings& settings, std::string_view text, std::string_view file,
                    const Environment& environment = no_variables);

}  // namespace idetcd::app
