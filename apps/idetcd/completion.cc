// idetcd completion SHELL: what a shell completes, made from the command line as it is.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/system/exit_status.h"
#include "subcommand.h"

namespace idetcd::tool {
namespace {

struct Flag {
  std::string name;  // with its dashes
  std::string help;  // its first line
  bool takes_value;
};

struct Subcommand {
  std::string name;
  std::string help;  // its first line
  std::vector<Flag> flags;
};

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

std::vector<Subcommand> subcommands_of(CLI::App& program) {
  std::vector<Subcommand> all;
  for (CLI::App* command : program.get_subcommands([](CLI::App*) { return true; })) {
    Subcommand one{command->get_name(), first_line(command->get_description()), {}};
    for (const CLI::Option* option : command->get_options()) {
      for (const std::string& name : option->get_lnames())
        one.flags.push_back({"--" + name, first_line(option->get_description()), option->get_items_expected_max() > 0});
    }
    all.push_back(std::move(one));
  }
  return all;
}

std::string words_of(const std::vector<Flag>& flags) {
  std::string all;
  for (const Flag& flag : flags) all += (all.empty() ? "" : " ") + flag.name;
  return all;
}

std::string for_bash(const std::vector<Subcommand>& commands) {
  std::string names, cases;
  for (const Subcommand& command : commands) {
    names += (names.empty() ? "" : " ") + command.name;
    cases += fmt::format("    {}) words='{}' ;;\n", command.name, words_of(command.flags));
  }
  return fmt::format(
      "# eval \"$(idetcd completion bash)\", or in a file of bash-completion's.\n"
      "_idetcd() {{\n"
      "  local current=${{COMP_WORDS[COMP_CWORD]}} words='{}'\n"
      "  ((COMP_CWORD == 1)) || case ${{COMP_WORDS[1]}} in\n{}    *) words= ;;\n  esac\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
      "}}\n"
      "complete -o default -F _idetcd idetcd\n",
      names, cases);
}

// In single quotes, inside of which a shell has none.
std::string harmless(std::string text) {
  std::erase_if(text, [](char c) { return c == '\'' || c == '[' || c == ']' || c == ':' || c == '\\'; });
  return text;
}

std::string for_zsh(const std::vector<Subcommand>& commands) {
  std::string names, cases;
  for (const Subcommand& command : commands) {
    names += fmt::format("    '{}:{}'\n", command.name, harmless(command.help));
    cases += fmt::format("    {}) _arguments", command.name);
    for (const Flag& flag : command.flags)
      cases += fmt::format(" '*{}[{}]{}'", flag.name, harmless(flag.help), flag.takes_value ? ":value:_files" : "");
    cases += " '*:file:_files' ;;\n";
  }
  return fmt::format(
      "#compdef idetcd\n"
      "# source <(idetcd completion zsh), or in a file _idetcd of $fpath.\n"
      "_idetcd() {{\n"
      "  local -a commands=(\n{}  )\n"
      "  if ((CURRENT == 2)); then _describe command commands; return; fi\n"
      "  case $words[2] in\n{}  esac\n"
      "}}\n"
      "compdef _idetcd idetcd\n",
      names, cases);
}

std::string for_fish(const std::vector<Subcommand>& commands) {
  std::string text = "# idetcd completion fish | source\n";
  for (const Subcommand& command : commands) {
    text += fmt::format("complete -c idetcd -n __fish_use_subcommand -f -a {} -d '{}'\n", command.name,
                        harmless(command.help));
    for (const Flag& flag : command.flags)
      text += fmt::format("complete -c idetcd -n '__fish_seen_subcommand_from {}' -l {} {}-d '{}'\n", command.name,
                          flag.name.substr(2), flag.takes_value ? "-r " : "", harmless(flag.help));
  }
  return text;
}

}  // namespace

void add_completion(CLI::App& program, Run& run) {
  CLI::App* command = program.add_subcommand(
      "completion", "Print what makes a shell complete subcommands and flags: bash, zsh or fish.");
  const auto shell = std::make_shared<std::string>();
  command->add_option("SHELL", *shell, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([&program, shell, &run] {
    run = [&program, shell] {
      const auto commands = subcommands_of(program);
      fmt::print("{}", *shell == "bash"  ? for_bash(commands)
                       : *shell == "zsh" ? for_zsh(commands)
                                         : for_fish(commands));
      return app::kExitOk;
    };
  });
}

}  // namespace idetcd::tool
