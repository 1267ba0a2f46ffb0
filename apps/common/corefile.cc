#include "corefile.h"

#include "corefile_lexer.h"

#include <fmt/format.h>

#include <charconv>
#include <span>

namespace idetcd::app {
namespace {

// Reads the lines from the top; the first problem ends it.
class Reader {
 public:
  Reader(std::span<const CorefileLine> lines, std::string_view file) : lines_(lines), file_(file) {}

  Result<Corefile> read() {
    if (done()) return problem(1, "the file is empty; expected a server block, e.g. `. {`");
    const CorefileLine& key = line();
    if (auto read = read_key(key); !read) return read.error();
    ++at_;
    if (auto read = read_server_block(key.number); !read) return read.error();
    if (!done()) {
      return problem(line().number,
                     fmt::format("a second server block begins here (the first is in line {}); only one is supported: "
                                 "put the idetcd blocks into the first",
                                 key.number));
    }
    return std::move(corefile_);
  }

 private:
  bool done() const { return at_ == lines_.size(); }
  const CorefileLine& line() const { return lines_[at_]; }

  Error problem(int number, std::string_view text) const {
    return {ErrorCode::kInvalidArgument, fmt::format("{}:{}: {}", file_, number, text)};
  }

  // `. {`, `.:1053 {`, `dns://.:1053 {`
  Status read_key(const CorefileLine& key) {
    if (!key.words.back().is("{")) {
      return problem(key.number, "expected a server block: a key and an opening brace, e.g. `. {` or `.:1053 {`");
    }
    if (key.words.size() == 1) return problem(key.number, "the server block has no key; write `. {` or `.:1053 {`");
    if (key.words.size() > 2) {
      return problem(key.number, fmt::format("the server block has {} keys; only one is supported, e.g. `.:1053 {{`",
                                             key.words.size() - 1));
    }
    std::string_view zone = key.words.front().text;
    if (const auto scheme = zone.find("://"); scheme != std::string_view::npos) {
      if (zone.substr(0, scheme) != "dns") {
        return problem(key.number, fmt::format("\"{}\": only plain DNS is supported; write dns:// or no scheme", zone));
      }
      zone.remove_prefix(scheme + 3);
    }
    if (const auto colon = zone.find(':'); colon != std::string_view::npos) {
      if (auto read = read_port(key.number, zone.substr(colon + 1)); !read) return read;
      zone = zone.substr(0, colon);
    }
    if (zone != ".") {
      return problem(key.number,
                     fmt::format("\"{}\": only the root zone is supported here, e.g. `. {{`; the zone that is served "
                                 "follows from the pattern",
                                 zone));
    }
    return {};
  }

  Status read_port(int number, std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (failed != std::errc{} || end != text.data() + text.size() || port == 0) {
      return problem(number,
                     fmt::format("\"{}\" is not a port; expected a number from 1 to 65535, e.g. `.:1053 {{`", text));
    }
    corefile_.port = port;
    return {};
  }

  Status read_server_block(int opened) {
    for (; !done(); ++at_) {
      const CorefileLine& now = line();
      const CorefileWord& first = now.words.front();
      if (first.is("}")) {
        if (auto closed = check_closing(now); !closed) return closed;
        if (corefile_.blocks.empty()) return problem(opened, "the server block opened here has no idetcd block");
        ++at_;
        return {};
      }
      if (first.text != "idetcd") {
        return problem(now.number,
                       fmt::format("unknown directive \"{}\"; known in a server block: idetcd", first.text));
      }
      if (auto read = read_plugin(now); !read) return read;
    }
    return unclosed(opened, "server block");
  }

  // On return `at_` is at the last line of the block.
  Status read_plugin(const CorefileLine& head) {
    corefile_.blocks.emplace_back();
    if (head.words.size() == 1) return {};
    if (head.words.size() > 2 || !head.words.back().is("{")) {
      return problem(head.number,
                     fmt::format("idetcd takes no argument but has \"{}\"; write `idetcd {{`", head.words[1].text));
    }
    for (++at_; !done(); ++at_) {
      const CorefileLine& now = line();
      if (now.words.front().is("}")) return check_closing(now);
      if (auto read = read_setting(now); !read) return read;
    }
    return unclosed(head.number, "idetcd block");
  }

  Status read_setting(const CorefileLine& now) {
    for (const CorefileWord& word : now.words) {
      if (word.is("{"))
        return problem(now.number, fmt::format("\"{}\" has no block; remove the brace", now.words.front().text));
      if (word.is("}")) return problem(now.number, "a closing brace must be on its own line");
    }
    CorefileSetting setting{now.words.front().text, {}, now.number};
    for (const CorefileWord& word : std::span(now.words).subspan(1)) setting.arguments.push_back(word.text);
    corefile_.blocks.back().push_back(std::move(setting));
    return {};
  }

  Status check_closing(const CorefileLine& now) const {
    if (now.words.size() == 1) return {};
    return problem(now.number,
                   fmt::format("\"{}\" after the closing brace; put it on its own line", now.words[1].text));
  }

  Error unclosed(int opened, std::string_view what) const {
    return problem(opened, fmt::format("the {} opened here is never closed; add a line with }}", what));
  }

  std::span<const CorefileLine> lines_;
  std::string_view file_;
  std::size_t at_ = 0;
  Corefile corefile_;
};

}  // namespace

Result<Corefile> parse_corefile(std::string_view text, std::string_view file) {
  if (text.size() > kMaxCorefileBytes) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("{}:1: the file is larger than {} bytes", file, kMaxCorefileBytes)};
  }
  const auto lines = split_corefile(text, file);
  if (!lines) return lines.error();
  return Reader(*lines, file).read();
}

}  // namespace idetcd::app
