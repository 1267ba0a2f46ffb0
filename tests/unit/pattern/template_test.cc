// What a pattern that can be used says about its names.
#include <idetcd/pattern_template.h>

#include <catch2/catch.hpp>
#include <set>

using idetcd::kMaxLimit;
using idetcd::PatternTemplate;
using idetcd::SlotId;

namespace {

PatternTemplate parsed(std::string_view text, SlotId limit = 12) {
  auto pattern = PatternTemplate::parse(text, limit);
  INFO(text << ": " << (pattern ? "" : pattern.error().message));
  REQUIRE(pattern);
  return *pattern;
}

std::string zone(std::string_view text, SlotId limit = 12) {
  return parsed(text, limit).zone();
}
std::string canonical(std::string_view text) {
  return parsed(text).canonical();
}

}  // namespace

TEST_CASE("a pattern names every slot and finds it again") {
  const auto pattern = parsed("worker{{.ID}}.tf.local.");
  CHECK(pattern.limit() == 12);
  CHECK(pattern.render(1) == "worker1.tf.local.");
  CHECK(pattern.render(12) == "worker12.tf.local.");
  for (SlotId id = 1; id <= pattern.limit(); ++id) CHECK(pattern.match(pattern.render(id)) == id);
  CHECK(pattern.match("worker0.tf.local.") == std::nullopt);
  CHECK(pattern.match("worker13.tf.local.") == std::nullopt);
  CHECK(pattern.match("worker01.tf.local.") == std::nullopt);
  CHECK(pattern.match("tf.local.") == std::nullopt);
  CHECK(pattern.warnings().empty());
}

TEST_CASE("names are lower-cased and absolute, and matched without case or trailing dot") {
  const auto pattern = parsed("Worker{{.ID}}.TF.local");
  CHECK(pattern.render(3) == "worker3.tf.local.");
  CHECK(pattern.match("WORKER3.tf.LOCAL") == 3);
  CHECK(pattern.match("worker3.tf.local.") == 3);
  CHECK(pattern.match("worker3.tf.local..") == std::nullopt);
  CHECK(pattern.match("") == std::nullopt);
  CHECK(pattern.match(".") == std::nullopt);
  CHECK(pattern.match(std::string(10'000, 'w')) == std::nullopt);
}

TEST_CASE("copies share the table and outlive their source") {
  auto copy = [] { return PatternTemplate(parsed("w{{.ID}}.x")); }();
  const auto second = copy;
  CHECK(second.render(2).data() == copy.render(2).data());
}

TEST_CASE("the zone is the longest constant suffix of whole labels") {
  CHECK(zone("worker{{.ID}}.tf.local.") == "tf.local.");
  CHECK(zone("worker{{.ID}}.tf.local") == "tf.local.");
  CHECK(zone("w{{.ID}}-a.tf.local.") == "tf.local.");
  CHECK(zone("a.{{.ID}}x") == ".");
  CHECK(zone("worker{{.ID}}") == ".");
  CHECK(zone("w.{{.ID}}") == ".");
  CHECK(zone("w{{.ID}}.rack{{if gt .ID 6}}2{{else}}1{{end}}.local") == "local.");
  CHECK(zone("w{{.ID}}.rack{{if gt .ID 6}}2{{else}}1{{end}}.local", 6) == "rack1.local.");
  CHECK(zone("{{if eq .ID 1}}tf.local{{else}}w{{.ID}}.tf.local{{end}}") == "tf.local.");
  CHECK(zone("{{if eq .ID 1}}f.local{{else}}w{{.ID}}.tf.local{{end}}") == "local.");
}

TEST_CASE("with one slot the zone is what follows the last action") {
  CHECK(zone("worker{{.ID}}.tf.local.", 1) == "tf.local.");
  CHECK(zone("worker{{.ID}}x.tf.local", 1) == "tf.local.");
  CHECK(zone("a.worker{{.ID}}", 1) == ".");
  CHECK(zone("a.{{.ID}}.", 1) == ".");
  CHECK(zone("chief.tf.local.", 1) == "tf.local.");
  CHECK(zone("chief", 1) == ".");
}

TEST_CASE("one slot needs no .ID, but is told so") {
  const auto pattern = parsed("chief.tf.local.", 1);
  CHECK(pattern.render(1) == "chief.tf.local.");
  REQUIRE(pattern.warnings().size() == 1);
  CHECK(pattern.warnings()[0] == "The pattern has no .ID: it gives one name only.");
}

TEST_CASE("what is legal but likely not meant is a warning") {
  REQUIRE(parsed("w_{{.ID}}.x").warnings().size() == 1);
  CHECK(parsed("w_{{.ID}}.x").warnings()[0].find("'_'") != std::string::npos);
  REQUIRE(parsed("10.0.0.{{.ID}}").warnings().size() == 1);
  CHECK(parsed("10.0.0.{{.ID}}").warnings()[0].find("number") != std::string::npos);
  CHECK(parsed("{{.ID}}.x").warnings().empty());
}

TEST_CASE("the key range runs from the least to the greatest name in byte order") {
  const auto pattern = parsed("w{{.ID}}.x.", 20);
  CHECK(pattern.min_name() == "w1.x.");
  CHECK(pattern.max_name() == "w9.x.");
  const auto mixed = parsed("{{if eq .ID 2}}a{{else}}z{{.ID}}{{end}}.x.", 3);
  CHECK(mixed.min_name() == "a.x.");
  CHECK(mixed.max_name() == "z3.x.");
}

TEST_CASE("two spellings of one pattern have one canonical text") {
  for (const auto* text :
       {"worker{{.ID}}.tf.local.", "worker{{.ID}}.tf.local", "worker{{ .ID }}.tf.local.", "worker{{\n.ID\t}}.tf.local",
        "Worker{{$.ID}}.TF.local", "worker{{(.ID)}}.tf.local", "worker{{($).ID}}.tf.local",
        "worker{{/* the id */}}{{.ID}}.tf.local", "worker {{- .ID -}} .tf.local",
        "{{\"worker\"}}{{.ID}}{{`.tf.local.`}}", "work{{- /* a */ -}}er{{((.).ID)}}.tf.local"}) {
    CHECK(canonical(text) == "worker{{.ID}}.tf.local.");
  }
  CHECK(canonical(R"({{printf "w%03d" .ID}}.x)") == R"({{printf "w%03d" .ID}}.x.)");
  CHECK(canonical(R"({{(printf `w%03d` (.ID))}}.x)") == R"({{printf "w%03d" .ID}}.x.)");
  CHECK(canonical(R"({{.ID|printf "w%03d"}})") == R"({{.ID | printf "w%03d"}}.)");
  CHECK(canonical(R"({{.ID | printf "w%d." |}})") == R"({{.ID | printf "w%d."}})");
  CHECK(canonical("{{$x:=.ID}}w{{$x}}") == "{{$x := .ID}}w{{$x}}.");
  CHECK(canonical("w{{if eq .ID 0x1 'a' 0b1_1}}a{{end}}{{.ID}}") == "w{{if eq .ID 1 97 3}}a{{end}}{{.ID}}.");
}

TEST_CASE("canonical blocks") {
  CHECK(canonical("w{{if gt .ID 3}}A{{else}}{{if (eq .ID 1)}}b{{end}}{{end}}{{.ID}}") ==
        "w{{if gt .ID 3}}a{{else if eq .ID 1}}b{{end}}{{.ID}}.");
  CHECK(canonical("w{{if true}}a{{else}}{{end}}{{.ID}}") == "w{{if true}}a{{end}}{{.ID}}.");
  CHECK(canonical("w{{with .ID}}{{.}}{{$.ID}}{{else}}{{$.ID}}{{end}}") ==
        "w{{with .ID}}{{.}}{{$.ID}}{{else}}{{.ID}}{{end}}.");
  CHECK(canonical("w{{.ID}}{{if false}}{ {{- /**/ -}} {\n{{end}}") == "w{{.ID}}{{if false}}{{\"{{\\x0a\"}}{{end}}.");
}

TEST_CASE("the canonical text does not depend on the limit") {
  for (const SlotId limit : {2U, 5U, 1000U}) CHECK(parsed("w{{.ID}}", limit).canonical() == "w{{.ID}}.");
}

TEST_CASE("a million names are rendered, told apart and found") {
  const auto pattern = parsed("worker{{.ID}}.tf.local.", kMaxLimit);
  CHECK(pattern.render(kMaxLimit) == "worker1000000.tf.local.");
  CHECK(pattern.match("worker999999.tf.local") == 999'999);
  CHECK(pattern.match("worker1000001.tf.local") == std::nullopt);
  CHECK(pattern.zone() == "tf.local.");
}
