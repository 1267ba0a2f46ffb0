#include "support/program.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string_view>

#include "idetcd/query/dns_query.h"

namespace idetcd::testing {
namespace {

using namespace std::chrono_literals;

std::string read_all(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return std::move(text).str();
}

std::vector<std::string> environment_of(const ProgramCommand& command) {
  std::vector<std::string> all = app::current_environment();
  std::erase_if(all, [](const std::string& e) { return e.starts_with("IDETCD_") || e.starts_with("ETCDCTL_"); });
  for (const auto& [name, value] : command.variables) all.push_back(name + "=" + value);
  return all;
}

// The text between the last `before` and the next `after`; empty if there is none.
std::string between(const std::string& text, std::string_view before, std::string_view after) {
  const auto at = text.rfind(before);
  if (at == std::string::npos) return {};
  const auto begin = at + before.size();
  const auto end = text.find(after, begin);
  return end == std::string::npos ? std::string{} : text.substr(begin, end - begin);
}

std::vector<std::string> resolver_command(std::vector<std::string> arguments) {
  std::vector<std::string> argv{IDETCD_RESOLVER, "--listen", "127.0.0.1:0"};
  std::ranges::move(arguments, std::back_inserter(argv));
  return argv;
}

std::string ask_at(std::uint16_t port, const std::string& name, tool::QueryType type) {
  constexpr int kTries = 5;
  for (int tries = 0; tries < kTries; ++tries) {
    const auto reply = tool::ask({"127.0.0.1", port, name, type});
    if (reply) return reply->addresses.empty() ? reply->rcode : reply->addresses.front();
  }
  return "no answer";
}

}  // namespace

Program::Program(const ProgramCommand& command) : folder_("program") {
  if (!command.corefile.empty()) std::ofstream(folder_.path() / "Corefile") << command.corefile;
  const int out = ::open((folder_.path() / "stdout").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  const int err = ::open((folder_.path() / "stderr").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  // The folder through a shell: the tests run several programs, each elsewhere.
  std::vector<std::string> argv{"/bin/sh", "-c", "cd \"$1\" && shift && exec \"$@\"", "sh", folder_.path().string()};
  argv.insert(argv.end(), command.argv.begin(), command.argv.end());
  auto child = app::ChildProcess::start({.argv = std::move(argv),
                                         .environment = environment_of(command),
                                         .stdout_fd = out,
                                         .stderr_fd = err,
                                         .own_process_group = true,
                                         .dies_with_thread = true});
  ::close(out);
  ::close(err);
  if (!child) throw std::runtime_error(child.error().message);
  child_.emplace(std::move(*child));
}

std::string Program::output() const {
  return read_all(folder_.path() / "stdout");
}
std::string Program::errors() const {
  return read_all(folder_.path() / "stderr");
}
std::string Program::trouble() const {
  std::istringstream lines(errors());
  std::string all;
  for (std::string line; std::getline(lines, line);) {
    if (line.find(" info: ") == std::string::npos) all += line + "\n";
  }
  return all;
}

Resolver::Resolver(std::vector<std::string> arguments, std::map<std::string, std::string> variables)
    : program_({.argv = resolver_command(std::move(arguments)), .variables = std::move(variables)}) {}

std::string Resolver::name(std::chrono::milliseconds patience) {
  std::string found;
  eventually(patience, [&] {
    const bool ended = !program_.running();
    found = between(program_.errors(), "claimed ", " -> ");
    return ended || !found.empty();
  });
  return found;
}

unsigned Resolver::slot() {
  if (name().empty()) return 0;
  return static_cast<unsigned>(std::atoi(between(program_.errors(), "; slot ", " of").c_str()));
}

std::uint16_t Resolver::port() {
  std::string found;
  eventually([&] {
    const bool ended = !program_.running();
    found = between(between(program_.errors(), "info: serving ", ")"), "on 127.0.0.1:", " (");
    return ended || !found.empty();
  });
  return static_cast<std::uint16_t>(std::atoi(found.c_str()));
}

std::string answer(std::uint16_t port, const std::string& name) {
  return ask_at(port, name, tool::QueryType::kA);
}
std::string answer_v6(std::uint16_t port, const std::string& name) {
  return ask_at(port, name, tool::QueryType::kAaaa);
}

}  // namespace idetcd::testing
