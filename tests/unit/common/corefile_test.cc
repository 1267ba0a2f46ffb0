// The Corefile: what is read, and that what is not understood is said with its line.
#include "common/directives/corefile.h"

#include <catch2/catch.hpp>

using namespace idetcd::app;

namespace {

idetcd::Result<Corefile> parse(std::string_view text) {
  return parse_corefile(text, "Corefile", [](const std::string& name) {
    return name == "ETCD" ? std::optional<std::string>("http://10.0.0.1:2379") : std::nullopt;
  });
}

std::string error_of(std::string_view text) {
  const auto corefile = parse(text);
  return corefile ? "no error" : corefile.error().message;
}

// The options of each idetcd block.
std::vector<std::vector<corefile::Line>> blocks_of(const Corefile& corefile) {
  std::vector<std::vector<corefile::Line>> blocks;
  for (const CorefileServer& server : corefile.servers) {
    for (const corefile::Statement& each : server.directives) {
      if (each.head.name == "idetcd") blocks.push_back(each.block);
    }
  }
  return blocks;
}

// An idetcd block with `line` as its second line, which is line 4 of the file.
std::string with_setting(const std::string& line) {
  return ". {\n  idetcd {\n    limit 5\n    " + line + "\n  }\n}\n";
}

}  // namespace

TEST_CASE("the seed's Corefile is read as it stands") {
  const auto corefile = parse(
      " . {\n"
      "     idetcd {\n"
      "         endpoint http://10.0.0.1:2379 http://10.0.0.2:2379\n"
      "         limit 5\n"
      "         pattern worker{{.ID}}.tf.local.\n"
      "     }\n"
      " }\n");
  REQUIRE(corefile);
  CHECK(corefile->servers.front().keys == std::vector<corefile::ServerKey>{{".", std::nullopt}});
  const auto blocks = blocks_of(*corefile);
  REQUIRE(blocks.front().size() == 3);
  CHECK(blocks.front()[0].name == "endpoint");
  CHECK(blocks.front()[0].arguments == std::vector<std::string>{"http://10.0.0.1:2379", "http://10.0.0.2:2379"});
  CHECK(blocks.front()[0].line == 3);
  CHECK(blocks.front()[2].arguments == std::vector<std::string>{"worker{{.ID}}.tf.local."});
}

TEST_CASE("the server key says the port") {
  const auto key_of = [](std::string_view text) { return parse(text)->servers.front().keys.front(); };
  CHECK(key_of(".:1053 {\nidetcd\n}").port == 1053);
  CHECK(key_of("dns://.:5353 {\nidetcd\n}").port == 5353);
  CHECK_FALSE(key_of("dns://. {\nidetcd\n}").port);
  CHECK(key_of("TF.local:53 {\nidetcd\n}").zone == "tf.local.");
  CHECK(error_of(".:0 {\n") == "Corefile:1: \"0\" is not a port; expected a number from 1 to 65535, e.g. `.:1053 {`");
  CHECK(error_of(".:65536 {\n").find("\"65536\" is not a port") != std::string::npos);
  CHECK(error_of(".:dns {\n").find("\"dns\" is not a port") != std::string::npos);
}

TEST_CASE("carriage returns, a byte order mark, comments and quotes are part of the language") {
  const auto corefile = parse(
      "\xef\xbb\xbf# our cluster\r\n"
      "\r\n"
      ". {  # everything\r\n"
      "\tidetcd {\r\n"
      "\t\tpattern \"w{{printf \\\"%03d\\\" .ID}}.x.\"   # with a format\r\n"
      "\t\t\"path\" \"\"\r\n"
      "\t}\r\n"
      "}");
  REQUIRE(corefile);
  const auto blocks = blocks_of(*corefile);
  REQUIRE(blocks.front().size() == 2);
  CHECK(blocks.front()[0].arguments == std::vector<std::string>{"w{{printf \"%03d\" .ID}}.x."});
  CHECK(blocks.front()[0].line == 5);
  CHECK(blocks.front()[1].arguments == std::vector<std::string>{""});
}

TEST_CASE("a brace that is missing is reported where the block was opened") {
  CHECK(error_of(". {\n  idetcd {\n    limit 5\n") ==
        "Corefile:2: the idetcd block opened here is never closed; add a line with }");
  CHECK(error_of("# c\n. {\n  idetcd {\n    limit 5\n  }\n") ==
        "Corefile:2: the server block opened here is never closed; add a line with }");
  CHECK(error_of("(common) {\n  log\n") ==
        "Corefile:1: the snippet (common) opened here is never closed; add a line with }");
  CHECK(error_of(".\nidetcd") == "no error");  // a file of one server block needs no braces
}

TEST_CASE("a server block has as many idetcd blocks as there are pools") {
  const auto corefile = parse(". {\n idetcd {\n  limit 5\n }\n idetcd\n idetcd {\n  limit 6\n }\n}\n");
  REQUIRE(corefile);
  const auto blocks = blocks_of(*corefile);
  REQUIRE(blocks.size() == 3);
  CHECK(blocks[0].front().line == 3);
  CHECK(blocks[1].empty());
  CHECK(blocks[2].front().arguments == std::vector<std::string>{"6"});
  CHECK(error_of(". {\n idetcd {\n  limit 5\n idetcd {\n }\n}\n") ==
        "Corefile:4: \"idetcd\" has no block; remove the brace");
}

TEST_CASE("what is not understood is named") {
  CHECK(
      error_of(". {\n  logg\n  idetcd\n}")
          .find(
              "Corefile:2: Unknown directive 'logg'; did you mean \"log\"? known in a server block: idetcd cancel ") ==
      0);
  CHECK(error_of(". {\n  frobnicate\n  idetcd\n}").find("Corefile:2: Unknown directive 'frobnicate'; known in a") == 0);
  CHECK(error_of(". {\n  health{\n  }\n  idetcd\n}").find("Corefile:2: Unknown directive 'health{'; put a space") == 0);
  CHECK(error_of("exa_mple..org {\n idetcd\n}") ==
        "Corefile:1: \"exa_mple..org\" is not a zone: it has an empty label");
  CHECK(error_of("tls://. {\n idetcd\n}").find("only plain DNS is supported") != std::string::npos);
  CHECK(error_of("{\n idetcd\n}").find("has no key") != std::string::npos);
  CHECK(error_of(". {\n log\n}\n.:54 {\n log\n}") ==
        "Corefile:1: the server block opened here has no idetcd block, nor has any other");
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
  CHECK(error_of(with_setting("endpoint {$ETC}")) ==
        "Corefile:4: word 2 names an environment variable that is not set; set it, also if it is to be empty");
  CHECK(error_of(with_setting("path \"a")).find("is not closed on this line") != std::string::npos);
  CHECK(error_of(with_setting("path \"a\"b")).find("space after its closing quote") != std::string::npos);
  CHECK(error_of(with_setting(std::string("path a\0b", 8))).find("Corefile:4: not a text file") == 0);
  CHECK(error_of(with_setting("pattern w{{$.ID}}.x.")) == "no error");
  CHECK(parse(with_setting("pattern w{{$.ID}}.x."))->warnings ==
        std::vector<std::string>{"Corefile:4: {{$ is taken for the pattern's; CoreDNS would take what follows for an "
                                 "environment variable"});
}

TEST_CASE("several keys and several server blocks, each with its directives") {
  const auto corefile = parse("a.org, b.org:1053 {\n idetcd\n}\n10.0.0.0/23 {\n log\n}\n");
  REQUIRE(corefile);
  REQUIRE(corefile->servers.size() == 2);
  CHECK(corefile->servers[0].keys == std::vector<corefile::ServerKey>{{"a.org.", std::nullopt}, {"b.org.", 1053}});
  CHECK(corefile->servers[0].place == "Corefile:1");
  CHECK(corefile->servers[1].keys == std::vector<corefile::ServerKey>{{"0.0.10.in-addr.arpa.", std::nullopt},
                                                                      {"1.0.10.in-addr.arpa.", std::nullopt}});
  CHECK(corefile->servers[1].place == "Corefile:4");
  CHECK(corefile->servers[1].directives.front().head.place() == "Corefile:5");
}

TEST_CASE("variables are replaced, once the words are known") {
  const auto corefile = parse(with_setting("endpoint {$ETCD} {%ETCD%}"));
  REQUIRE(corefile);
  CHECK(blocks_of(*corefile)[0][1].arguments ==
        std::vector<std::string>{"http://10.0.0.1:2379", "http://10.0.0.1:2379"});
}

TEST_CASE("all problems of a file are told at once") {
  CHECK(error_of(". {\n frob\n idetcd tf {\n }\n health\n {\n }\n}\na..b {\n idetcd\n}\n").find("\n") !=
        std::string::npos);
  const std::string all = error_of(". {\n frob\n health\n {\n }\n idetcd tf\n}\na..b {\n}\n");
  CHECK(all.find("Corefile:2: Unknown directive 'frob'") == 0);
  CHECK(all.find("\nCorefile:4: the opening brace must be on the line of \"health\"") != std::string::npos);
  CHECK(all.find("\nCorefile:6: idetcd takes no argument") != std::string::npos);
  CHECK(all.find("\nCorefile:8: \"a..b\" is not a zone") != std::string::npos);
}

TEST_CASE("a block on one line is explained") {
  CHECK(error_of(". { idetcd }") == "Corefile:1: a closing brace must be on its own line");
  CHECK(error_of(". {\n idetcd { limit 5\n }\n}") ==
        "Corefile:2: \"limit\" after the opening brace; put it on its own line");
}
