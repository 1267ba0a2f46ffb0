// -o: for people, or for programs.
#pragma once

namespace CLI {
class App;
}

namespace idetcd::tool {

// Adds -o text|json to `command`; parsing sets `json`, which must outlive it.
void add_output(CLI::App& command, bool& json);

}  // namespace idetcd::tool
