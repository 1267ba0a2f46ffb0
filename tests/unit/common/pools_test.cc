// Several pools: which there are, what counts for each, and what contradicts itself.
#include "common/configuration/load_settings.h"
#include "common/settings/pool_sources.h"
#include "common/settings/setting_checks.h"
#include "common/system/exit_status.h"

#include <catch2/catch.hpp>

using namespace idetcd::app;

namespace {

const std::string kThreeRoles =
    ". {\n"
    "  idetcd {\n"
    "    endpoint http://a:1\n"
    "    pattern worker{{.ID}}.tf.local.\n"
    "    limit 100\n"
    "    serve chief{{.ID}}.tf.local. 1\n"
    "    serve eval{{.ID}}.tf.local.\n"
    "  }\n"
    "  idetcd {\n"
    "    pattern ps{{.ID}}.ps.tf.local.\n"
    "    limit 4\n"
    "    on-full wait\n"
    "    pool-name all.ps.tf.local.\n"
    "  }\n"
    "}\n";

// One block's text.
std::string block(const std::string& lines) {
  return "  idetcd {\n" + lines + "\n  }\n";
}

const SettingSpec& spec(std::string_view name) {
  for (const SettingSpec& each : all_settings()) {
    if (each.name == name) return each;
  }
  throw std::logic_error("no setting " + std::string(name));
}

using Values = std::vector<std::pair<std::string, std::string>>;

// As the command line keeps them.
SettingSource flags(const Values& values) {
  SettingSource source;
  for (const auto& [name, value] : values) source.push_back({&spec(name), {value}, {"--" + name, false}});
  return source;
}

Settings from_flags(const Values& values, const Values& variables = {}) {
  Settings settings;
  apply_sources(settings, {}, flags(variables), flags(values));
  check_settings(settings);
  return settings;
}

// Two blocks in a file, one for each of these lists.
Settings from_blocks(const Values& first, const Values& second, const Values& over = {}) {
  std::vector<SettingSource> blocks{flags(first), flags(second)};
  int line = 3;
  for (SettingSource& source : blocks) {
    for (Assignment& each : source)
      each.origin = {"Corefile:" + std::to_string(line++) + ": " + std::string(each.spec->directive), true};
    line += 2;
  }
  Settings settings;
  apply_sources(settings, blocks, {}, flags(over));
  check_settings(settings);
  return settings;
}

// "claimed worker{{.ID}}.x.=5 served ps{{.ID}}.x.=2"
std::string told(const Settings& settings) {
  std::string text;
  for (const PoolSettings& pool : settings.pools) {
    text += (text.empty() ? "" : " ") + std::string(pool.claim ? "claimed " : "served ") + pool.pattern + "=" +
            std::to_string(pool.limit);
  }
  return text;
}

template <class Act>
std::string failure_of(Act act, int status) {
  try {
    act();
  } catch (const Exit& exit) {
    CHECK(exit.status() == status);
    return exit.what();
  }
  return "no error";
}

std::string corefile_failure(const std::string& blocks) {
  const auto act = [&] {
    Settings settings;
    apply_corefile(settings, ". {\n" + blocks + "}\n", "Corefile");
    check_settings(settings);
  };
  return failure_of(act, kExitConfig);
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("each idetcd block is a pool, and each serve another") {
  Settings settings;
  apply_corefile(settings, kThreeRoles, "Corefile");
  CHECK(told(settings) ==
        "claimed worker{{.ID}}.tf.local.=100 claimed ps{{.ID}}.ps.tf.local.=4 served chief{{.ID}}.tf.local.=1 "
        "served eval{{.ID}}.tf.local.=100");
  CHECK(settings.endpoints == std::vector<std::string>{"http://a:1"});
  CHECK(settings.pools[0].on_full == idetcd::OnFull::kFail);
  CHECK(settings.pools[1].on_full == idetcd::OnFull::kWait);
  CHECK(settings.pools[1].pool_name == "all.ps.tf.local.");
  CHECK(settings.pools[2].origin("pattern").place == "Corefile:6: serve");
}

TEST_CASE("--pattern again and again is one claim in each, with the same other settings") {
  const Settings roles = from_flags({{"pattern", "w{{.ID}}.x."}, {"limit", "3"}, {"pattern", "p{{.ID}}.x."}});
  CHECK(told(roles) == "claimed w{{.ID}}.x.=3 claimed p{{.ID}}.x.=3");
  CHECK(told(from_flags({{"pattern", "w{{.ID}}.x."}}, {{"pattern", "a{{.ID}}.x."}, {"limit", "7"}})) ==
        "claimed w{{.ID}}.x.=7");
}

TEST_CASE("--serve says its limit after an equals sign, which no name can have") {
  const auto served = [](const std::string& value) { return told(from_flags({{"serve", value}, {"limit", "9"}})); };
  CHECK(served("p{{.ID}}.x.") == "served p{{.ID}}.x.=9");
  CHECK(served("p{{.ID}}.x.=4") == "served p{{.ID}}.x.=4");
  CHECK(served("p{{$n := .ID}}{{$n}}.x.=4") == "served p{{$n := .ID}}{{$n}}.x.=4");
  CHECK(served("p{{$n := .ID}}{{$n}}") == "served p{{$n := .ID}}{{$n}}=9");
  CHECK(told(from_flags({{"serve", "p{{.ID}}.x."}, {"pattern", "w{{.ID}}.x."}})) ==
        "claimed w{{.ID}}.x.=10 served p{{.ID}}.x.=10");
  const auto failure = [&](const std::string& value) { return failure_of([&] { served(value); }, kExitUsage); };
  CHECK(contains(failure("p{{.ID}}.x.=four"), "--serve: \"four\" is not a whole number"));
  CHECK(contains(failure("p{{.ID}}.x.="), "--serve: \"\" is not a whole number"));
  CHECK(contains(failure("p{{.ID}}.x.=0"), "--serve: 0 is out of range"));
  CHECK(contains(failure("=4"), "--serve: the pattern is empty"));
}

TEST_CASE("patterns in the environment are told apart by commas outside of actions") {
  const auto variable = [](const std::string& name) -> std::optional<std::string> {
    if (name == "IDETCD_PATTERN") return R"(w{{printf "%d,%d" .ID .ID}}.x., p{{.ID}}.x.)";
    if (name == "IDETCD_SERVE") return "c{{.ID}}.x.=1,e{{.ID}}.x.";
    return std::nullopt;
  };
  CHECK(
      told(load_settings({}, variable)) ==
      R"(claimed w{{printf "%d,%d" .ID .ID}}.x.=10 claimed p{{.ID}}.x.=10 served c{{.ID}}.x.=1 served e{{.ID}}.x.=10)");
}

TEST_CASE("a flag counts for every block, and --pattern chooses among them") {
  const Values workers{{"pattern", "w{{.ID}}.x."}, {"limit", "3"}};
  const Values servers{{"pattern", "p{{.ID}}.x."}, {"pool-name", "all.x."}};
  CHECK(told(from_blocks(workers, servers, {{"limit", "8"}})) == "claimed w{{.ID}}.x.=8 claimed p{{.ID}}.x.=8");
  const Settings chosen = from_blocks(workers, servers, {{"pattern", "p{{.ID}}.x."}});
  CHECK(told(chosen) == "served w{{.ID}}.x.=3 claimed p{{.ID}}.x.=10");
  CHECK(only_pool(chosen).pool_name == "all.x.");
  CHECK(failure_of(
            [&] {
              from_blocks(workers, servers, {{"pattern", "q{{.ID}}.x."}});
            },
            kExitUsage) ==
        "--pattern: no pool of the file has the pattern \"q{{.ID}}.x.\"; choose among 'w{{.ID}}.x.', 'p{{.ID}}.x.'");
  CHECK(contains(failure_of([&] { only_pool(from_blocks(workers, servers)); }, kExitUsage),
                 "choose one with --pattern: 'w{{.ID}}.x.', 'p{{.ID}}.x.'"));
}

TEST_CASE("--pattern and --serve replace what one block says") {
  Settings settings;
  const SettingSource file = flags({{"pattern", "w{{.ID}}.x."}, {"limit", "3"}});
  apply_sources(settings, {file}, {}, flags({{"pattern", "v{{.ID}}.x."}, {"serve", "q{{.ID}}.x."}}));
  CHECK(told(settings) == "claimed v{{.ID}}.x.=3 served q{{.ID}}.x.=3");
}

TEST_CASE("--pattern chooses a pool that others only serve, too") {
  const auto chosen = [](const Values& over) {
    Settings settings;
    const SettingSource file = flags({{"pattern", "w{{.ID}}.x."}, {"serve", "p{{.ID}}.x.=1"}, {"limit", "3"}});
    apply_sources(settings, {file}, {}, flags(over));
    return told(settings);
  };
  CHECK(chosen({{"pattern", "p{{.ID}}.x."}}) == "served w{{.ID}}.x.=3 claimed p{{.ID}}.x.=1");
  CHECK(chosen({{"pattern", "w{{.ID}}.x."}, {"pattern", "p{{.ID}}.x."}}) ==
        "claimed w{{.ID}}.x.=3 claimed p{{.ID}}.x.=1");
  CHECK(chosen({{"serve", "q{{.ID}}.x."}}) == "claimed w{{.ID}}.x.=3 served q{{.ID}}.x.=3");
  CHECK(contains(failure_of([&] { chosen({{"pattern", "q{{.ID}}.x."}}); }, kExitUsage), "choose among"));
}

TEST_CASE("a pool name belongs to one pool") {
  const Settings served = from_flags({{"serve", "p{{.ID}}.x."}, {"pool-name", "all.x."}});
  CHECK(served.pools.front().pool_name == "all.x.");
  CHECK(contains(corefile_failure(block("serve p{{.ID}}.x.\nserve q{{.ID}}.x.\npool-name all.x.")),
                 "Corefile:5: pool-name: several pools are served here"));
  CHECK(contains(
      corefile_failure(block("pattern p{{.ID}}.x.\npool-name all.x.") + block("pattern q{{.ID}}.x.\npool-name all.x.")),
      "Corefile:8: pool-name: the pools p{{.ID}}.x. and q{{.ID}}.x. cannot both have the pool name all.x."));
}

TEST_CASE("what belongs to the server is said in any block, but in one way") {
  const Values first{{"pattern", "w{{.ID}}.x."}, {"endpoints", "http://a:1"}};
  const Settings agreed =
      from_blocks(first, {{"pattern", "p{{.ID}}.x."}, {"endpoints", "http://a:1"}, {"workers", "2"}});
  CHECK(agreed.endpoints.front() == "http://a:1");
  CHECK(agreed.workers == 2);
  CHECK(corefile_failure(block("endpoint http://a:1\npattern w{{.ID}}.x.") +
                         block("pattern p{{.ID}}.x.\nendpoint http://b:1")) ==
        "Corefile:8: endpoint: contradicts Corefile:3: endpoint; this is a setting of the whole server, give it once");
  CHECK(contains(corefile_failure(block("listen 127.0.0.1:1\npattern w{{.ID}}.x.") +
                                  block("pattern p{{.ID}}.x.\nlisten 127.0.0.1:2")),
                 "Corefile:8: listen: contradicts Corefile:3: listen"));
  CHECK(contains(corefile_failure(block("user a\npattern w{{.ID}}.x.") + block("pattern p{{.ID}}.x.\ncredentials b c")),
                 "Corefile:8: credentials: contradicts Corefile:3: user"));
}

TEST_CASE("a block that is about no pool is pointed out") {
  CHECK(corefile_failure(block("pattern w{{.ID}}.x.") + block("limit 5")) ==
        "Corefile:6: limit: this idetcd block names no pool; give it a pattern or serve");
  CHECK(corefile_failure(block("pattern w{{.ID}}.x.") + block("log-level debug")) == "no error");
  CHECK(corefile_failure(block("pattern w{{.ID}}.x.\npattern p{{.ID}}.x.")) ==
        "Corefile:4: pattern: is given twice (first at Corefile:3: pattern); each pattern needs an idetcd block of its "
        "own");
  CHECK(corefile_failure(block("serve")) == "Corefile:3: serve: an argument is missing; write `serve PATTERN [N]`");
}
