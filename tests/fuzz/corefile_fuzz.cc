// Any text is a Corefile or an error with a line; and what was read can be applied
// or refused.
#include "common/configuration/load_settings.h"
#include "common/directives/corefile.h"
#include "common/system/exit_status.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto corefile = idetcd::app::parse_corefile(text, "f", idetcd::app::no_variables);
  // What is wrong with an imported file has the name of that.
  const bool imports = text.find("import") != std::string_view::npos;
  if (!corefile && !imports && corefile.error().message.rfind("f:", 0) != 0) std::abort();
  if (corefile && corefile->servers.empty()) std::abort();
  try {
    idetcd::app::Settings settings;
    idetcd::app::apply_corefile(settings, text, "f");
    if (!corefile || settings.pools.empty() || settings.endpoints.empty()) std::abort();
    for (const auto& pool : settings.pools) {
      if (pool.limit < 1 || pool.limit > idetcd::kMaxLimit) std::abort();
    }
  } catch (const idetcd::app::Exit& exit) {
    if (exit.status() != idetcd::app::kExitConfig) std::abort();
  }
  return 0;
}
