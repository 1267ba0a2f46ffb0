#include "common/corefile/parser.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <map>
#include <memory>
#include <system_error>
#include <utility>

#include "common/corefile/imports.h"
#include "common/corefile/lexer.h"

namespace idetcd::app::corefile {
namespace {

// Against snippets and files that import each other without being a loop, each twice.
constexpr int kMaxImports = 10'000;
constexpr std::size_t kMaxWords = 200'000;

struct Snippet {
  Token name;
  std::vector<Token> words;
};

std::string identity(const std::string& file) {
  std::error_code ignored;
  const auto path = std::filesystem::weakly_canonical(file, ignored);
  return ignored ? file : path.string();
}

// Words come from the back of `rest_`, so that an import costs no more than what it brings.
class Parser {
 public:
  Parser(std::string_view file, const Environment& environment)
      : main_(std::make_shared<const std::string>(file)), environment_(environment) {}

  Document read(std::string_view text) {
    auto words = split_words(text, main_);
    if (!words) {
      document_.problem = words.error();
      return std::move(document_);
    }
    put_back(std::move(*words));
    while (!done() && !failed()) read_block();
    return std::move(document_);
  }

 private:
  bool done() const { return rest_.empty(); }
  bool failed() const { return document_.problem.has_value(); }
  const Token& now() const { return rest_.back(); }
  bool at_line_start() const { return !before_ || begins_line(*before_, now()); }

  void advance() {
    before_ = std::move(rest_.back());
    rest_.pop_back();
  }

  void put_back(std::vector<Token> words) {
    rest_.insert(rest_.end(), std::make_move_iterator(words.rbegin()), std::make_move_iterator(words.rend()));
  }

  void fail(const Token& at, std::string_view text) {
    if (!failed()) document_.problem = problem_at(at, text);
  }
  void fail_stray(const Token& brace) {
    document_.braces = true;
    fail(brace, "this closing brace closes nothing; remove it");
  }
  void warn(const Token& at, std::string_view text) {
    document_.warnings.push_back(fmt::format("{}: {}", at.place(), text));
  }

  // The word now, with the values of its variables.
  Token resolved() {
    Token token = now();
    auto word = substitute(token.text, environment_);
    if (!word) {
      fail(token, fmt::format("word {} {}", token.number, word.error().message));
      return token;
    }
    if (word->kept)
      warn(token, "{{$ is taken for the pattern's; CoreDNS would take what follows for an environment variable");
    token.literal = token.literal || word->text != token.text;
    token.text = std::move(word->text);
    return token;
  }

  void read_block() {
    ServerBlock block;
    read_keys(block);
    if (failed() || (block.keys.empty() && done())) return;
    if (block.keys.empty()) return fail(now(), "the server block has no key; write `. {` or `.:1053 {`");
    const std::string& key = block.keys.front().text;
    if (block.keys.size() == 1 && key.starts_with('(') && key.ends_with(')')) return read_snippet(block.keys.front());
    document_.blocks.push_back(std::move(block));
    if (!done()) read_contents(document_.blocks.back());
  }

  void read_keys(ServerBlock& block) {
    bool comma = false;
    while (!done() && !failed()) {
      if (now().text == "import" && at_line_start()) {
        import();
        continue;
      }
      if (now().is("{")) {
        if (comma) fail(now(), "expected another key after the comma, but the block begins; remove the comma");
        return;
      }
      read_key(block, comma);
      if (!done() && !comma && at_line_start()) return;
    }
    if (comma && !failed()) fail(*before_, "expected another key after the comma, but the file ends");
  }

  void read_key(ServerBlock& block, bool& comma) {
    Token key = resolved();
    if (key.is("}")) return fail_stray(key);
    comma = key.text.ends_with(',');
    if (comma) key.text.pop_back();
    if (key.text.empty()) return fail(key, "a key of the server block is empty; write a zone, e.g. `.` or `tf.local`");
    if (key.text.ends_with('{')) return fail(key, fmt::format("\"{}\" needs a space before its brace", key.text));
    if (key.text.find(',') != std::string::npos)
      return fail(key, fmt::format("\"{}\" needs a space after its comma", key.text));
    block.keys.push_back(std::move(key));
    advance();
  }

  // Its words are kept as they are, and read where they are imported.
  void read_snippet(const Token& name) {
    const std::string key = name.text.substr(1, name.text.size() - 2);
    if (key.empty()) return fail(name, "the snippet has no name; write e.g. `(common) {`");
    if (done() || !now().is("{"))
      return fail(name, fmt::format("expected an opening brace after the snippet {}", name.text));
    if (const auto twin = snippets_.find(key); twin != snippets_.end())
      return fail(name,
                  fmt::format("the snippet {} is defined twice (first at {})", name.text, twin->second.name.place()));
    Snippet snippet{name, {}};
    int depth = 1;
    for (advance(); !done(); advance()) {
      if (now().is("{")) ++depth;
      if (now().is("}") && --depth == 0) break;
      snippet.words.push_back(now());
    }
    if (done())
      return fail(name, fmt::format("the snippet {} opened here is never closed; add a line with }}", name.text));
    advance();
    snippets_.emplace(key, std::move(snippet));
  }

  // Without braces the block goes on to the end of the file.
  void read_contents(ServerBlock& block) {
    const bool braces = now().is("{");
    if (braces) advance();
    while (!done() && !failed()) {
      if (now().is("}")) {
        if (!braces) return fail_stray(now());
        return advance();
      }
      if (now().text == "import")
        import();
      else if (now().is("{"))
        fail(now(), "this brace belongs to no directive; put it on the directive's line");
      else
        read_directive(block);
    }
    if (failed() || !braces) return;
    document_.braces = true;
    fail(block.keys.front(), "the server block opened here is never closed; add a line with }");
  }

  void read_directive(ServerBlock& block) {
    Directive directive{resolved(), {}};
    if (directive.name.text.empty()) return fail(directive.name, "the directive's name is empty");
    advance();
    int depth = 0;
    while (!done() && !failed()) {
      if (now().is("{")) {
        ++depth;
      } else if (depth == 0 && at_line_start()) {
        break;
      } else if (now().is("}")) {
        if (depth == 0) return fail(now(), "a closing brace must be on its own line");
        --depth;
      } else if (now().text == "import" && at_line_start()) {
        import();
        continue;
      }
      directive.words.push_back(resolved());
      advance();
    }
    if (depth > 0)
      fail(directive.name,
           fmt::format("the {} block opened here is never closed; add a line with }}", directive.name.text));
    block.directives.push_back(std::move(directive));
  }

  // Puts in the place of the import what it brings.
  void import() {
    const Token word = now();
    advance();
    if (done() || at_line_start() || now().is("{"))
      return fail(word, "import needs a file or a snippet, e.g. `import common.conf`");
    const Token target = resolved();
    advance();
    if (failed()) return;
    if (target.text.empty()) return fail(target, "import needs a file or a snippet, but its argument is empty");
    if (!done() && !at_line_start())
      return fail(word, fmt::format("import takes one file, pattern or snippet; remove \"{}\"", now().text));
    if (++imports_ > kMaxImports) return fail(word, fmt::format("there are more than {} imports", kMaxImports));
    if (const auto snippet = snippets_.find(target.text); snippet != snippets_.end())
      put_expanded(word, "(" + target.text + ")", snippet->second.words);
    else
      import_files(word, target.text);
  }

  void import_files(const Token& word, const std::string& pattern) {
    const auto files = find_imports(pattern, *word.file);
    if (!files) return fail(word, fmt::format("import: {}", files.error().message));
    if (files->empty()) warn(word, fmt::format("no file matches the import \"{}\"", pattern));
    // The last one first: each goes before what is there.
    for (auto file = files->rbegin(); file != files->rend() && !failed(); ++file) {
      std::error_code ignored;
      if (!std::filesystem::is_regular_file(*file, ignored))
        return fail(word, fmt::format("import: {} is not a regular file", *file));
      const auto text = read_text_file(*file);
      if (!text) return fail(word, fmt::format("import: {}: {}", *file, text.error().message));
      auto words = split_words(*text, std::make_shared<const std::string>(*file));
      if (!words) {
        document_.problem = words.error();
        return;
      }
      put_expanded(word, identity(*file), std::move(*words));
    }
  }

  void put_expanded(const Token& import, const std::string& name, std::vector<Token> words) {
    std::string path = name;
    for (auto each = import.expansion; each; each = each->parent) {
      path.insert(0, each->name + " -> ");
      if (each->name == name) return fail(import, fmt::format("import: the loop {} has no end", path));
    }
    if (name == identity(*main_)) return fail(import, fmt::format("import: {} imports itself", name));
    words_ += words.size();
    if (words_ > kMaxWords) return fail(import, fmt::format("the imports have more than {} words", kMaxWords));
    const auto expansion = std::make_shared<const Expansion>(Expansion{name, import.expansion});
    for (Token& each : words) each.expansion = expansion;
    put_back(std::move(words));
  }

  const std::shared_ptr<const std::string> main_;
  const Environment& environment_;
  std::vector<Token> rest_;      // in reverse: the next word is the last
  std::optional<Token> before_;  // the word before
  std::map<std::string, Snippet, std::less<>> snippets_;
  int imports_ = 0;
  std::size_t words_ = 0;  // that were imported
  Document document_;
};

}  // namespace

Document parse(std::string_view text, std::string_view file, const Environment& environment) {
  return Parser(file, environment).read(text);
}

}  // namespace idetcd::app::corefile
