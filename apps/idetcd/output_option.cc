#include "output_option.h"

#include <CLI/CLI.hpp>

#include <map>
#include <string>

namespace idetcd::tool {

void add_output(CLI::App& command, bool& json) {
  const std::map<std::string, bool> formats{{"text", false}, {"json", true}};
  command.add_option("-o,--output", json, "text or json; default text")
      ->type_name("FORMAT")
      ->transform(CLI::CheckedTransformer(formats));
}

}  // namespace idetcd::tool
