// Corefiles, and what CoreDNS' own parser makes of each: coredns_table.go wrote it. Ours reads the
// same words, or refuses with a reason that stands in the table.
#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <string>

#include "common/corefile/parser.h"
#include "common/directives/directive_table.h"
#include "common/system/temporary_folder.h"

using namespace idetcd::app;

namespace {

struct Row {
  std::string name;
  std::string corefile;
  std::string read;    // by CoreDNS: the words, or its error
  bool accepted;       // by CoreDNS
  std::string reason;  // why ours does not do the same; empty: it does
};

const Row kTable[] = {
#include "coredns_table.inc"
};

// As coredns_table.go has them.
const std::map<std::string, std::string> kVariables{{"ETCD", "http://10.0.0.1:2379"},
                                                    {"PORT", "1053"},
                                                    {"EMPTY", ""},
                                                    {"TWO", "a b"},
                                                    {"DIRECTIVE", "errors"},
                                                    {"ZONE", "tf.local"},
                                                    {"FILE", "one.conf"},
                                                    {"INNER", "{$PORT}"},
                                                    {"BRACE", "{"}};

const std::map<std::string, std::string> kFiles{{"one.conf", "errors\n"},
                                                {"two.conf", "log\nwhoami\n"},
                                                {"server.conf", "example.org {\n    whoami\n}\n"},
                                                {"options.conf", "limit 5\npath /a/\n"},
                                                {"nested.conf", "import one.conf\nany\n"},
                                                {"empty.conf", "# nothing\n"},
                                                {"loop.conf", "import loop.conf\n"},
                                                {"a.part", "nsid a\n"},
                                                {"b.part", "debug\n"},
                                                {"keys.conf", "tf.local\n"}};

std::optional<std::string> variable(const std::string& name) {
  const auto found = kVariables.find(name);
  return found == kVariables.end() ? std::nullopt : std::optional(found->second);
}

std::string join(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) all += (&word == &words.front() ? "" : "|") + word;
  return all;
}

// In the form of coredns_table.go.
std::string describe(const std::vector<corefile::ServerBlock>& blocks) {
  std::string all;
  for (const corefile::ServerBlock& block : blocks) {
    std::vector<std::string> keys;
    for (const corefile::Token& key : block.keys) keys.push_back(key.text);
    std::map<std::string, std::vector<std::string>> directives;
    for (const corefile::Directive& directive : block.directives) {
      auto& words = directives[directive.name.text];
      words.push_back(directive.name.text);
      for (const corefile::Token& word : directive.words) words.push_back(word.text);
    }
    all += "[" + join(keys) + "]";
    for (const auto& [name, words] : directives) all += " " + name + ": " + join(words) + ";";
    all += "\n";
  }
  return all;
}

bool has_unknown(const corefile::Document& document) {
  for (const corefile::ServerBlock& block : document.blocks) {
    for (const corefile::Directive& directive : block.directives) {
      if (find_directive(directive.name.text) == nullptr) return true;
    }
  }
  return false;
}

struct Score {
  int same = 0;        // accepted by both, with the same words
  int refused = 0;     // by both
  int on_purpose = 0;  // accepted by CoreDNS only, with a reason
  int otherwise = 0;   // accepted by both, with other words and a reason
};

class Folder {
 public:
  Folder() {
    for (const auto& [name, text] : kFiles) std::ofstream(folder_.path() / name) << text;
  }
  std::string main() const { return (folder_.path() / "Corefile").string(); }

 private:
  TemporaryFolder folder_ = std::move(*TemporaryFolder::create("corefile-table"));
};

}  // namespace

TEST_CASE("Corefiles are read as CoreDNS reads them, or refused for a reason") {
  const Folder folder;
  Score score;
  for (const Row& row : kTable) {
    CAPTURE(row.name, row.corefile, row.read, row.reason);
    corefile::Document document = corefile::parse(row.corefile, folder.main(), variable);
    if (!row.accepted && row.read.find("Unknown directive") != std::string::npos) {
      CHECK(has_unknown(document));  // by parse_corefile(), which knows the directives
      ++score.refused;
      continue;
    }
    CAPTURE(document.problem ? document.problem->message : "accepted");
    const std::string read = describe(document.blocks);
    if (!row.accepted) {
      CHECK(document.problem);
      ++score.refused;
    } else if (row.reason.empty()) {
      CHECK_FALSE(document.problem);
      // The table has a directive's name before its variables are put in.
      if (row.name != "a variable as directive") CHECK(read == row.read);
      ++score.same;
    } else if (document.problem) {
      CHECK(document.problem->message.find("Corefile:") != std::string::npos);
      ++score.on_purpose;
    } else {
      CHECK(read != row.read);
      CHECK_FALSE(document.warnings.empty());
      ++score.otherwise;
    }
  }
  const int all = score.same + score.refused + score.on_purpose + score.otherwise;
  std::cout << "Corefile table: " << all << " files; " << score.same << " read with the same words, " << score.refused
            << " refused by both, " << score.on_purpose << " refused on purpose, " << score.otherwise
            << " read otherwise on purpose\n";
  CHECK(all >= 60);
  CHECK(score.otherwise == 1);
}
