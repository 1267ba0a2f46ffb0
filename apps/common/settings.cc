#include "settings.h"

#include "exit_status.h"

#include <fmt/format.h>

#include <algorithm>

namespace idetcd::app {

Origin Settings::origin(std::string_view setting) const {
  const auto found = origins.find(setting);
  return found == origins.end() ? Origin{fmt::format("--{}", setting), false} : found->second;
}

void refuse(const Origin& origin, std::string_view message) {
  throw Exit(origin.in_file ? kExitConfig : kExitUsage, fmt::format("{}: {}", origin.place, message));
}

void assign(Settings& settings, std::span<const Assignment> assignments) {
  for (const Assignment& assignment : assignments) {
    const auto applied = assignment.spec->apply(settings, assignment.arguments);
    if (!applied) refuse(assignment.origin, applied.error().message);
    settings.origins.insert_or_assign(std::string(assignment.spec->name), assignment.origin);
  }
}

namespace {

void check_tls(const Settings& settings) {
  const TlsOptions& tls = settings.tls;
  if (tls.cert_file.empty() != tls.key_file.empty()) {
    const std::string_view given = tls.cert_file.empty() ? "key" : "cert";
    const std::string_view missing = tls.cert_file.empty() ? "cert" : "key";
    refuse(settings.origin(given), fmt::format("a certificate and its key go together; set {} too", missing));
  }
  const bool any_file = !tls.ca_file.empty() || !tls.cert_file.empty();
  const bool https = std::ranges::any_of(settings.endpoints, [](const auto& e) { return e.starts_with("https://"); });
  if (any_file && !https) {
    const std::string_view given = settings.origins.contains("tls") ? "tls" : tls.ca_file.empty() ? "cert" : "cacert";
    refuse(settings.origin(given), "TLS files are used only with https:// endpoints, and there is none");
  }
}

}  // namespace

void check_settings(const Settings& settings) {
  check_tls(settings);
  if (settings.sticky.count() > 0 && settings.node_id.empty() && settings.state_dir.empty()) {
    refuse(settings.origin("sticky"),
           "a name can be kept only for a node with a lasting id; set node-id or state-dir too");
  }
  if (settings.user.empty() && !settings.password.empty()) {
    refuse(settings.origin("password"), "there is a password but no user; set user too");
  }
  if (!settings.advertise.empty() && (!settings.interface.empty() || !settings.cidr.empty())) {
    refuse(settings.origin(settings.interface.empty() ? "cidr" : "interface"),
           "this chooses among the machine's addresses, but advertise already names them; use one of the two");
  }
}

PatternTemplate parse_pattern(const Settings& settings) {
  if (settings.pattern.empty()) {
    throw Exit(
        kExitUsage,
        "no pattern is set; say how the nodes are named, as --pattern 'worker{{.ID}}.tf.local.', or give a Corefile "
        "with --conf");
  }
  auto pattern = PatternTemplate::parse(settings.pattern, settings.limit);
  if (!pattern) refuse(settings.origin("pattern"), pattern.error().message);
  return std::move(*pattern);
}

}  // namespace idetcd::app
