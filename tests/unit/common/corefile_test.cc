// The Corefile: what is read, and that what is not understood is said with its line.
#include "common/corefile.h"

#include <catch2/catch.hpp>

using idetcd::app::parse_corefile;

namespace {

std::string error_of(std::string_view text) {
  const auto corefile = parse_corefile(text, "Corefile");
  return corefile ? "no error" : corefile.error().message;
}

// An idetcd block with `line` as its second line, which is line 4 of the file.
std::string with_setting(const std::string& line) {
  return ". {\n  idetcd {\n    limit 5\n    " + line + "\n  }\n}\n";
}

}  // namespace

TEST_CASE("the seed's Corefile is read as it stands") {
  const auto corefile = parse_corefile(
      " . {\n"
      "     idetcd {\n"
      "         endpoint http://10.0.0.1:2379 http://10.0.0.2:2379\n"
      "         limit 5\n"
      "         pattern worker{{.ID}}.tf.local.\n"
      "     }\n"
      " }\n",
      "Corefile");
  REQUIRE(corefile);
  CHECK_FALSE(corefile->port);
  REQUIRE(corefile->blocks.front().size() == 3);
  CHECK(corefile->blocks.front()[0].name == "endpoint");
  CHECK(corefile->blocks.front()[0].arguments ==
        std::vector<std::string>{"http://10.0.0.1:2379", "http://10.0.0.2:2379"});
  CHECK(corefile->blocks.front()[0].line == 3);
  CHECK(corefile->blocks.front()[2].arguments == std::vector<std::string>{"worker{{.ID}}.tf.local."});
}

TEST_CASE("the server key says the port") {
  CHECK(parse_corefile(".:1053 {\nidetcd\n}", "f")->port == 1053);
  CHECK(parse_corefile("dns://.:5353 {\nidetcd\n}", "f")->port == 5353);
  CHECK_FALSE(parse_corefile("dns://. {\nidetcd\n}", "f")->port);
  CHECK(error_of(".:0 {\n") == "Corefile:1: \"0\" is not a port; expected a number from 1 to 65535, e.g. `.:1053 {`");
  CHECK(error_of(".:65536 {\n").find("\"65536\" is not a port") != std::string::npos);
  CHECK(error_of(".:dns {\n").find("\"dns\" is not a port") != std::string::npos);
}

TEST_CASE("carriage returns, a byte order mark, comments and quotes are part of the language") {
  const auto corefile = parse_corefile(
      "\xef\xbb\xbf# our cluster\r\n"
      "\r\n"
      ". {  # everything\r\n"
      "\tidetcd {\r\n"
      "\t\tpattern \"w{{printf \\\"%03d\\\" .ID}}.x.\"   # with a format\r\n"
      "\t\t\"path\" \"\"\r\n"
      "\t}\r\n"
      "}",
      "Corefile");
  REQUIRE(corefile);
  REQUIRE(corefile->blocks.front().size() == 2);
  CHECK(corefile->blocks.front()[0].arguments == std::vector<std::string>{"w{{printf \"%03d\" .ID}}.x."});
  CHECK(corefile->blocks.front()[0].line == 5);
  CHECK(corefile->blocks.front()[1].arguments == std::vector<std::string>{""});
}

TEST_CASE("a brace that is missing is reported where the block was opened") {
  CHECK(error_of(". {\n  idetcd {\n    limit 5\n") ==
        "Corefile:2: the idetcd block opened here is never closed; add a line with }");
  CHECK(error_of("# c\n. {\n  idetcd {\n    limit 5\n  }\n") ==
        "Corefile:2: the server block opened here is never closed; add a line with }");
  CHECK(error_of(".\nidetcd") ==
        "Corefile:1: expected a server block: a key and an opening brace, e.g. `. {` or `.:1053 {`");
}

TEST_CASE("a server block has as many idetcd blocks as there are pools") {
  const auto corefile =
      parse_corefile(". {\n idetcd {\n  limit 5\n }\n idetcd\n idetcd {\n  limit 6\n }\n}\n", "Corefile");
  REQUIRE(corefile);
  REQUIRE(corefile->blocks.size() == 3);
  CHECK(corefile->blocks[0].front().line == 3);
  CHECK(corefile->blocks[1].empty());
  CHECK(corefile->blocks[2].front().arguments == std::vector<std::string>{"6"});
  CHECK(error_of(". {\n idetcd {\n  limit 5\n idetcd {\n }\n}\n") ==
        "Corefile:4: \"idetcd\" has no block; remove the brace");
}

TEST_CASE("what is not understood is named") {
  CHECK(error_of(". {\n  log\n  idetcd\n}") ==
        "Corefile:2: unknown directive \"log\"; known in a server block: idetcd");
  CHECK(error_of("example.org {\n idetcd\n}").find("Corefile:1: \"example.org\": only the root zone") == 0);
  CHECK(error_of("tls://. {\n idetcd\n}").find("only plain DNS is supported") != std::string::npos);
  CHECK(error_of(".:53 .:54 {\n idetcd\n}").find("has 2 keys") != std::string::npos);
  CHECK(error_of("{\n idetcd\n}").find("has no key") != std::string::npos);
  CHECK(error_of(". {\n idetcd\n}\n. {\n idetcd\n}").find("Corefile:4: a second server block") == 0);
  CHECK(error_of(". {\n}").find("Corefile:1: the server block opened here has no idetcd block") == 0);
  CHECK(error_of(". {\n idetcd tf.local {\n }\n}").find("Corefile:2: idetcd takes no argument but has \"tf.local\"") ==
        0);
  CHECK(error_of("").find("Corefile:1: the file is empty") == 0);
}

TEST_CASE("a misplaced brace is an error, not an argument") {
  CHECK(error_of(with_setting("limit 5 }")) == "Corefile:4: a closing brace must be on its own line");
  CHECK(error_of(with_setting("limit {")) == "Corefile:4: \"limit\" has no block; remove the brace");
  CHECK(error_of(". {\n idetcd {\n } x\n}").find("Corefile:3: \"x\" after the closing brace") == 0);
}

TEST_CASE("words that CoreDNS would read otherwise are refused") {
  CHECK(error_of(with_setting("path a#b")).find("Corefile:4: word 2 contains a #") == 0);
  CHECK(error_of(with_setting("endpoint {$ETCD}")).find("environment placeholder, which is not supported") !=
        std::string::npos);
  CHECK(error_of(with_setting("path \"a")).find("is not closed on this line") != std::string::npos);
  CHECK(error_of(with_setting("path \"a\"b")).find("space after its closing quote") != std::string::npos);
  CHECK(error_of(with_setting(std::string("path a\0b", 8))).find("Corefile:4: not a text file") == 0);
  CHECK(error_of(with_setting("pattern w{{$.ID}}.x.")) == "no error");
}
