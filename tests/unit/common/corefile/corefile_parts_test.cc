// The parts of reading a Corefile, at their edges. What CoreDNS makes of whole files is in coredns_table_test.cc.
#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <map>

#include "common/corefile/imports.h"
#include "common/corefile/lexer.h"
#include "common/corefile/parser.h"
#include "common/corefile/server_key.h"
#include "common/corefile/variables.h"
#include "common/system/temporary_folder.h"

using namespace idetcd::app;
using namespace idetcd::app::corefile;

namespace {

std::string lex_error(std::string_view text) {
  const auto words = split_words(text, std::make_shared<const std::string>("f"));
  return words ? "no error" : words.error().message;
}

std::string parse_error(std::string_view text, const std::string& file = "f") {
  const Document document = parse(text, file, no_variables);
  return document.problem ? document.problem->message : "no error";
}

class Folder {
 public:
  void write(const std::string& name, const std::string& text) const { std::ofstream(folder_.path() / name) << text; }
  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

 private:
  TemporaryFolder folder_ = std::move(*TemporaryFolder::create("corefile-parts"));
};

}  // namespace

TEST_CASE("words know their place, also after a quoted word of several lines") {
  const auto words = split_words("a \"b\nc\" d\n\ne", std::make_shared<const std::string>("f"));
  REQUIRE(words);
  REQUIRE(words->size() == 4);
  CHECK((*words)[1].text == "b\nc");
  CHECK((*words)[1].place() == "f:1");
  CHECK_FALSE(begins_line((*words)[1], (*words)[2]));
  CHECK((*words)[2].place() == "f:2");
  CHECK((*words)[3].place() == "f:4");
  CHECK(begins_line((*words)[2], (*words)[3]));
}

TEST_CASE("a problem of the words names its line and word") {
  CHECK(lex_error("a\nb c#d") == "f:2: word 2 contains a #; put a space before a comment, or quote the word");
  CHECK(lex_error("a \"b\nc\"d") == "f:2: word 2 needs a space after its closing quote");
  CHECK(lex_error("a \"b\n\nc").find("f:1: word 2 opens a quote that is not closed on this line") == 0);
  CHECK(lex_error("a \"{\"").find("f:1: word 2 is a quoted brace") == 0);
  CHECK(lex_error("a\rb").find("f:1: a carriage return without a line feed") == 0);
  CHECK(lex_error("a \xff").find("f:1: word 2 is not UTF-8") == 0);
  CHECK(lex_error("a \xed\xa0\x80").find("f:1: word 2 is not UTF-8") == 0);  // a surrogate
  CHECK(lex_error(std::string_view("a\0", 2)) == "f:1: not a text file: it contains a zero byte");
  CHECK(lex_error("a # b\xff\r") == "no error");
}

TEST_CASE("variables: what is no reference stays, and a value may not go on for ever") {
  const std::map<std::string, std::string> values{{"A", "x{$B}"}, {"B", "y"}, {"L", "{$L}"}, {"G", "{$G}{$G}"}};
  const auto of = [&](std::string_view text) {
    const auto word = substitute(text, [&](const std::string& name) {
      const auto found = values.find(name);
      return found == values.end() ? std::nullopt : std::optional(found->second);
    });
    return word ? word->text : "error: " + word.error().message;
  };
  CHECK(of("{$A}-{%B%}") == "xy-y");
  CHECK(of("{$}") == "{$}");
  CHECK(of("{%}x%}") == "{%}x%}");
  CHECK(of("$A {A} {$A") == "$A {A} {$A");
  CHECK(of("{{$A}}") == "{{$A}}");
  CHECK(of("{$L}").find("error: names an environment variable whose value has variables without end") == 0);
  CHECK(of("{$G}").find("error: ") == 0);
  CHECK(of("{$NO}").find("error: names an environment variable that is not set") == 0);
}

TEST_CASE("imports are found relative to the importing file") {
  const Folder folder;
  std::filesystem::create_directories(folder.path("sub"));
  folder.write("sub/b.conf", "errors\n");
  folder.write("sub/a.conf", "import b.conf\n");
  folder.write("sub/.hidden.conf", "log\n");
  const std::string main = folder.path("Corefile");
  CHECK(parse_error(". {\n import sub/a.conf\n}", main) == "no error");
  const auto files = find_imports("sub/*.conf", main);
  REQUIRE(files);
  CHECK(*files == std::vector<std::string>{folder.path("sub/.hidden.conf"), folder.path("sub/a.conf"),
                                           folder.path("sub/b.conf")});
  CHECK(find_imports("*/b.conf", main)->size() == 1);
  CHECK(find_imports("nothing*", main)->empty());
  CHECK_FALSE(find_imports("nothing", main));
  CHECK(find_imports(folder.path("sub/a.conf"), "/elsewhere/Corefile")->size() == 1);
}

TEST_CASE("problems of imports name the file and the line they are in") {
  const Folder folder;
  const std::string main = folder.path("Corefile");
  folder.write("a.conf", "errors\nimport b.conf\n");
  folder.write("b.conf", "log\nimport a.conf\n");
  folder.write("bad.conf", "nsid a#b\n");
  folder.write("self.conf", ". {\n import self.conf\n}\n");
  CHECK(parse_error(". {\n import bad.conf\n}", main) ==
        folder.path("bad.conf") + ":1: word 2 contains a #; put a space before a comment, or quote the word");
  const std::string loop = parse_error(". {\n import a.conf\n}", main);
  CHECK(loop.find(folder.path("b.conf") + ":2: import: the loop ") == 0);
  CHECK(loop.find("a.conf -> ") != std::string::npos);
  CHECK(parse_error(". {\n import self.conf\n}", folder.path("self.conf")).find("imports itself") != std::string::npos);
  CHECK(parse_error(". {\n import sub\n}", main).find(main + ":2: import: \"sub\" is neither a file") == 0);
  std::filesystem::create_directories(folder.path("sub"));
  CHECK(parse_error(". {\n import sub\n}", main).find("is not a regular file") != std::string::npos);
}

TEST_CASE("snippets that import each other twice each have an end") {
  std::string text = "(s0) {\n log a b c d e f g h\n log a b c d e f g h\n}\n";
  for (int i = 1; i < 40; ++i) {
    const std::string before = std::to_string(i - 1);
    text += "(s" + std::to_string(i) + ") {\n import s" + before + "\n import s" + before + "\n}\n";
  }
  CHECK(parse_error(text + ". {\n import s39\n}").find("the imports have more than") == std::string::npos);
  CHECK(parse_error(text + ". {\n import s39\n}").find("there are more than 10000 imports") != std::string::npos);
}

TEST_CASE("what an import brings begins lines of its own") {
  const Document document = parse("(one) {\n errors\n}\n. {\n import one\n import one\n any\n}", "f", no_variables);
  REQUIRE_FALSE(document.problem);
  CHECK(document.blocks.front().directives.size() == 3);
}

TEST_CASE("server keys") {
  const auto zones_of = [](std::string_view text) {
    std::vector<std::string> zones;
    const auto keys = parse_server_key(text).value();
    for (const ServerKey& key : keys) zones.push_back(key.zone);
    return zones;
  };
  const auto error_of = [](std::string_view text) { return parse_server_key(text).error().message; };
  CHECK(parse_server_key("dns://Tf.Local.:1053").value() == std::vector<ServerKey>{{"tf.local.", 1053}});
  CHECK(parse_server_key("10.0.0.0/8:1053").value() == std::vector<ServerKey>{{"10.in-addr.arpa.", 1053}});
  CHECK(zones_of("10.0.0.0/7") == std::vector<std::string>{"10.in-addr.arpa.", "11.in-addr.arpa."});
  CHECK(zones_of("fd00::/16") == std::vector<std::string>{"0.0.d.f.ip6.arpa."});
  CHECK(zones_of("fd00::/18").size() == 4);
  CHECK(zones_of("fd00::/18").back() == "3.0.0.d.f.ip6.arpa.");
  CHECK(error_of("0.0.0.0/0").find("in-addr.arpa") != std::string::npos);
  CHECK(error_of("a.org:x") == "\"x\" is not a port; expected a number from 1 to 65535, e.g. `.:1053 {`");
  CHECK(error_of("a.org:").find("\"\" is not a port") == 0);
  CHECK(error_of("https://a.org").find("only plain DNS") != std::string::npos);
  CHECK(error_of("a b").find("' ' cannot be in one") != std::string::npos);
  CHECK(error_of(std::string(64, 'a')).find("more than 63") != std::string::npos);
  CHECK(error_of(":53").find("the zone is empty") == 0);
}
