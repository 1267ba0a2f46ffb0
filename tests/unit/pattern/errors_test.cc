// What a person is told about a pattern that cannot be used.
#include <idetcd/pattern_template.h>

#include <catch2/catch.hpp>

using Catch::Matchers::Contains;
using idetcd::ErrorCode;
using idetcd::kMaxLimit;
using idetcd::PatternTemplate;
using idetcd::SlotId;

namespace {

std::string refusal(std::string_view text, SlotId limit = 12) {
  const auto pattern = PatternTemplate::parse(text, limit);
  INFO(text);
  REQUIRE_FALSE(pattern);
  CHECK(pattern.error().code == ErrorCode::kInvalidArgument);
  return pattern.error().message;
}

std::string repeated(int count, std::string_view text) {
  std::string all;
  while (count-- > 0) all += text;
  return all;
}

}  // namespace

TEST_CASE("a syntax error shows the place with a caret") {
  CHECK(refusal("worker{{.Foo}}.tf.local.") ==
        "pattern 1:9: there is no field .Foo: the only field is .ID\n"
        "  worker{{.Foo}}.tf.local.\n"
        "          ^");
  CHECK(refusal("worker{{.ID.tf.local.") ==
        "pattern 1:7: unclosed action: its \"}}\" is missing\n"
        "  worker{{.ID.tf.local.\n"
        "        ^");
  CHECK(refusal("a{{- if true}}\n\tb{{foo}}{{end}}{{.ID}}") ==
        "pattern 2:5: there is no function foo\n"
        "  ?b{{foo}}{{end}}{{.ID}}\n"
        "      ^");
}

TEST_CASE("of a long line only the part around the caret is shown") {
  CHECK(refusal(std::string(500, 'a') + "{{.Foo}}" + std::string(500, 'b')) ==
        "pattern 1:503: there is no field .Foo: the only field is .ID\n"
        "  " +
            std::string(36, 'a') + "{{.Foo}}" + std::string(32, 'b') + "\n" + "  " + std::string(38, ' ') + "^");
}

TEST_CASE("what Go would render as garbage names the id where it happens") {
  CHECK(refusal("w{{if gt .ID 9}}{{printf `%s` .ID}}{{end}}{{.ID}}") ==
        "pattern 1:19: printf: \"%s\" cannot format a value of type int (at id 10)\n"
        "  w{{if gt .ID 9}}{{printf `%s` .ID}}{{end}}{{.ID}}\n"
        "                    ^");
  CHECK(refusal("w{{printf `%q` .ID}}{{.ID}}") ==
        "pattern 1:4: printf: \"%q\" renders quotes or a plus, which no host name can hold (at id 1)\n"
        "  w{{printf `%q` .ID}}{{.ID}}\n"
        "     ^");
  CHECK_THAT(refusal("{{printf `%#U` .ID}}"), Contains("no host name can hold"));
  CHECK_THAT(refusal("{{printf `%#v` `a`}}{{.ID}}"), Contains("no host name can hold"));
  CHECK_THAT(refusal("{{printf `w%d` `a`}}{{.ID}}"), Contains("cannot format a value of type string"));
  CHECK_THAT(refusal("{{printf `w%d%d` .ID}}"), Contains("wants more than 1 argument"));
  CHECK_THAT(refusal("{{printf `w%d` .ID 3}}"), Contains("uses 1 of 2 arguments"));
  CHECK_THAT(refusal("{{printf `w%` .ID}}"), Contains("ends within a verb"));
  CHECK_THAT(refusal("{{printf `w%[3]d` .ID}}"), Contains("has an argument index that is out of range"));
  CHECK_THAT(refusal("{{printf `w%1001d` .ID}}"), Contains("has a width over 1000"));
  CHECK_THAT(refusal("{{printf `w%99999999999999999999d` .ID}}"), Contains("has a width over 1000"));
  CHECK_THAT(refusal("{{printf `%*d` `5` .ID}}"), Contains("* wants an int, not a string"));
  CHECK_THAT(refusal("{{printf .ID}}"), Contains("printf wants its format first, a string"));
  CHECK_THAT(refusal("{{.}}{{.ID}}"), Contains("the data as a whole has no text"));
}

TEST_CASE("what Go fails at") {
  CHECK_THAT(refusal("{{eq .ID `a`}}"), Contains("eq cannot compare values of type int and string (at id 1)"));
  CHECK_THAT(refusal("{{index `abcde` .ID}}"), Contains("index 5 is outside of a string of 5 bytes (at id 5)"));
  CHECK_THAT(refusal("{{len .ID}}"), Contains("len wants a string"));
  CHECK_THAT(refusal("{{with .ID}}{{.ID}}{{end}}"), Contains("of type int has no field .ID; $.ID is the slot's"));
  CHECK_THAT(refusal("{{.ID}}{{$x}}"), Contains("$x is not declared; declare it with $x := ..."));
  CHECK_THAT(refusal("{{if false}}{{$x := 1}}{{else}}{{$x}}{{end}}{{.ID}}"), Contains("$x has no value yet"));
  CHECK_THAT(refusal("{{.ID.ID}}"), Contains(".ID is a number and has no fields"));
  CHECK_THAT(refusal("{{`a`.ID}}"), Contains("there is no field .ID of \"`a`\""));
  CHECK_THAT(refusal("{{.ID 3}}"), Contains("\".ID\" is not a function and takes no arguments"));
  CHECK_THAT(refusal("{{.ID | 3}}"), Contains("only a function can stand after \"|\""));
  CHECK_THAT(refusal("{{not}}"), Contains("not wants 1 argument, not 0"));
  CHECK_THAT(refusal("{{len len}}"), Contains("pattern 1:7: len wants 1 argument, not 0"));
  CHECK_THAT(refusal("{{eq .ID}}"), Contains("eq wants at least 2 arguments, not 1"));
  CHECK_THAT(refusal("{{ID}}"), Contains("there is no function ID; did you mean .ID?"));
}

TEST_CASE("what the text does not say completely") {
  CHECK_THAT(refusal("{{}}"), Contains("pattern 1:3: a value is missing here"));
  CHECK_THAT(refusal("{{if .ID}}a"), Contains("pattern 1:3: if has no {{end}}"));
  CHECK_THAT(refusal("{{with .ID}}a{{else if 3}}b{{end}}"), Contains("expected \"}}\", found \"if\""));
  CHECK_THAT(refusal("{{if .ID}}{{else}}{{else}}{{end}}"), Contains("expected {{end}}, found \"else\""));
  CHECK_THAT(refusal("{{.ID}}{{end}}"), Contains("no block is open for {{end}}"));
  CHECK_THAT(refusal("{{(.ID}}"), Contains("unclosed parenthesis"));
  CHECK_THAT(refusal("{{.ID)}}"), Contains("no parenthesis is open here"));
  CHECK_THAT(refusal("{{`a}}"), Contains("this raw string is not closed"));
  CHECK_THAT(refusal("{{\"a}}"), Contains("this quote is not closed on its line"));
  CHECK_THAT(refusal("{{/* a }}"), Contains("unclosed comment"));
  CHECK_THAT(refusal("{{/* a */ .ID}}"), Contains("a comment must fill its action"));
  CHECK_THAT(refusal("{{.ID}"), Contains("unexpected \"}\" in an action; an action ends with \"}}\""));
  CHECK_THAT(refusal("w{{.ID.{{.ID}}"), Contains("unexpected \"{\" in an action; an action ends with \"}}\""));
  CHECK_THAT(refusal("{{print .ID\"a\"}}"), Contains("unexpected"));
  CHECK_THAT(refusal("{{$ := 1}}"), Contains("$ is the data itself and cannot be set"));
}

TEST_CASE("literals") {
  CHECK_THAT(refusal("{{1.5}}"), Contains("\"1.5\" is not supported: only integers are"));
  CHECK_THAT(refusal("{{1e3}}"), Contains("only integers are"));
  CHECK_THAT(refusal("{{08}}"), Contains("\"08\" is not a number"));
  CHECK_THAT(refusal("{{9223372036854775808}}"), Contains("does not fit an int"));
  CHECK_THAT(refusal("{{'ab'}}"), Contains("a character constant holds one character"));
  CHECK_THAT(refusal("{{print \"a\\q\"}}"), Contains("pattern 1:11: unknown escape"));
}

TEST_CASE("what Go has and patterns do not") {
  for (const auto* text : {"{{range .ID}}{{end}}", "{{template `a`}}", "{{block `a` .}}{{end}}",
                           "{{define `a`}}{{end}}", "{{html .ID}}", "{{js .ID}}", "{{urlquery .ID}}", "{{call .ID}}",
                           "{{slice `a` 1}}", "{{nil}}", "{{println .ID}}", "{{break}}"}) {
    CHECK_THAT(refusal(text), Contains("is not supported: "));
  }
}

TEST_CASE("names that are no host names") {
  CHECK(refusal("w{{.ID}} x") ==
        "pattern \"w{{.ID}} x\": id 1 renders \"w1 x.\": \" \" is not allowed in a host name, only letters, digits and "
        "hyphens are");
  CHECK_THAT(refusal("w{{.ID}}..x"), Contains("id 1 renders \"w1..x.\": a label is empty"));
  CHECK_THAT(refusal(".{{.ID}}"), Contains("a label is empty"));
  CHECK_THAT(refusal("-{{.ID}}.x"), Contains("must not start or end with a hyphen"));
  CHECK_THAT(refusal("w{{.ID}}-.x"), Contains("the label \"w1-\" must not start or end with a hyphen"));
  CHECK_THAT(refusal(std::string(62, 'a') + "{{.ID}}.x"),
             Contains("id 10 renders") && Contains("has 64 characters, 63 are"));
  CHECK(PatternTemplate::parse(std::string(62, 'a') + "{{.ID}}.x", 9));
  CHECK_THAT(refusal("w{{.ID}}.\xc3\xa9"), Contains("\"?\" is not allowed in a host name"));
  CHECK_THAT(refusal("{{if false}}{{.ID}}{{end}}", 1), Contains("id 1 renders \".\": a label is empty"));
}

TEST_CASE("a name has 253 characters at most") {
  const auto tail = repeated(125, ".a");  // 250
  CHECK(PatternTemplate::parse("w{{.ID}}a" + tail, 9));
  CHECK(PatternTemplate::parse("w{{.ID}}a" + tail + ".", 9));
  CHECK_THAT(refusal("w{{.ID}}a" + tail), Contains("longer than 253 characters"));
  CHECK_THAT(refusal("w{{.ID}}" + repeated(500, ".a")), Contains("the name is longer than 253 characters (at id 1)"));
}

TEST_CASE("names that are equal") {
  CHECK(refusal("worker.x") == "pattern \"worker.x\": it has no {{.ID}}, so all names would be equal");
  CHECK(refusal("worker{{printf `%d` .ID | len}}.x") ==
        "pattern \"worker{{printf `%d` .ID | len}}.x\": ids 1 and 2 both render worker1.x.; names must differ");
  CHECK_THAT(refusal("w{{if eq .ID 13}}3{{else}}{{.ID}}{{end}}.x.", 20), Contains("ids 3 and 13 both render w3.x."));
  CHECK_THAT(refusal("{{if eq .ID 3}}W{{else}}w{{end}}{{if gt .ID 2}}1{{else}}{{.ID}}{{end}}", 3),
             Contains("ids 1 and 3 both render w1."));
}

TEST_CASE("all names end with a dot or none does") {
  CHECK_THAT(refusal("w{{.ID}}{{if gt .ID 3}}.{{end}}"),
             Contains("the name of id 1 ends without a dot and that of id 4 with; put one dot at the very end"));
}

TEST_CASE("limits") {
  CHECK(PatternTemplate::parse("w{{.ID}}", 0).error().option == "limit");
  CHECK(PatternTemplate::parse("w", 2).error().option == "pattern");
  CHECK(PatternTemplate::parse("w{{", 2).error().option == "pattern");
  CHECK(refusal("w{{.ID}}", 0) == "limit must be 1 to 1000000, not 0");
  CHECK(refusal("w{{.ID}}", kMaxLimit + 1) == "limit must be 1 to 1000000, not 1000001");
  CHECK_THAT(refusal(""), Contains("it is empty; write for example worker{{.ID}}.tf.local."));
  CHECK_THAT(refusal("{{.ID}}" + std::string(4090, 'a')), Contains("it has 4097 bytes, 4096 are allowed"));
  CHECK_THAT(refusal("\xff{{.ID}}"), Contains("it is not UTF-8"));
}

TEST_CASE("nesting, growth and canonical length are bounded") {
  CHECK_THAT(refusal("{{" + repeated(65, "(") + ".ID" + repeated(65, ")") + "}}"), Contains("nested over 64 deep"));
  CHECK(PatternTemplate::parse("{{" + repeated(64, "(") + ".ID" + repeated(64, ")") + "}}", 3));
  CHECK_THAT(refusal(repeated(65, "{{if 1}}") + "{{.ID}}" + repeated(65, "{{end}}")), Contains("nested over 64 deep"));
  CHECK_THAT(refusal("{{$x := `aaaaaaaa`}}" + repeated(40, "{{$x = print $x $x}}") + "{{.ID}}"),
             Contains("rendering one name takes more than 16384 bytes of text"));
  CHECK_THAT(refusal("w{{.ID}}{{if eq `" + std::string(3000, '\\') + "` ``}}{{end}}"),
             Contains("in its canonical spelling"));
  CHECK(PatternTemplate::parse("w{{if 0}}" + repeated(250, "{{else if 0}}a") + "{{end}}{{.ID}}", 3));
}
