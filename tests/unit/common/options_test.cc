// Settings from flags, environment and Corefile: values, order, and what bad ones say.
#include "common/configuration/config_report.h"
#include "common/configuration/load_settings.h"
#include "common/settings/connection.h"
#include "common/settings/setting_checks.h"
#include "common/settings/setting_values.h"
#include "common/system/exit_status.h"
#include "common/system/temporary_folder.h"
#include "common/values/suggestion.h"
#include "common/values/values.h"

#include <catch2/catch.hpp>

#include <fstream>
#include <map>

using namespace idetcd::app;
using idetcd::OnFull;

namespace {

using Variables = std::map<std::string, std::string>;

const SettingSpec& spec(std::string_view name) {
  for (const SettingSpec& each : all_settings()) {
    if (each.name == name) return each;
  }
  FAIL("no setting " << name);
  throw std::logic_error("unreachable");
}

Settings load(const Variables& flags, const Variables& variables = {}) {
  GivenFlags given;
  for (const auto& [name, value] : flags) given.settings.push_back({&spec(name), {value}, {"--" + name, false}});
  return load_settings(given, [&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
}

struct Failure {
  int status = 0;
  std::string message;
};

template <class Act>
Failure failure_of(Act act) {
  try {
    act();
  } catch (const Exit& exit) {
    return {exit.status(), exit.what()};
  }
  return {};
}

Failure flag_failure(const std::string& name, const std::string& value) {
  const Failure failure = failure_of([&] { load({{name, value}}); });
  CHECK(failure.status == kExitUsage);
  return failure;
}

Settings from_corefile(const std::string& lines) {
  Settings settings;
  apply_corefile(settings, ". {\nidetcd {\n" + lines + "\n}\n}\n", "Corefile");
  return settings;
}

std::string corefile_failure(const std::string& lines) {
  const Failure failure = failure_of([&] { from_corefile(lines); });
  CHECK(failure.status == kExitConfig);
  return failure.message;
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("the defaults are the ancestor's") {
  const Settings settings = load({});
  CHECK(settings.endpoints == std::vector<std::string>{"http://localhost:2379"});
  CHECK(settings.pools.front().limit == 10);
  CHECK(settings.pools.front().ttl == std::chrono::seconds(20));
  CHECK(settings.port == 53);
  CHECK(settings.pools.front().on_full == OnFull::kFail);
}

TEST_CASE("flags win over the environment, and it over etcdctl's") {
  const Variables variables{
      {"IDETCD_LIMIT", "7"}, {"IDETCD_ENDPOINTS", "http://a:1"}, {"ETCDCTL_ENDPOINTS", "http://b:2"}};
  CHECK(load({}, variables).pools.front().limit == 7);
  CHECK(load({{"limit", "8"}}, variables).pools.front().limit == 8);
  CHECK(load({}, variables).endpoints.front() == "http://a:1");
  CHECK(load({}, {{"ETCDCTL_ENDPOINTS", "http://b:2,c:3"}}).endpoints == std::vector<std::string>{"http://b:2", "c:3"});
  CHECK(load({}, {{"IDETCD_LIMIT", ""}}).pools.front().limit == 10);
  CHECK(load({}, {{"IDETCD_ON_FULL", "wait"}}).pools.front().on_full == OnFull::kWait);
}

TEST_CASE("what etcdctl reads from its environment is read from there too, unless ours has it") {
  const Variables etcdctl{{"ETCDCTL_USER", "root:secret"},
                          {"ETCDCTL_CACERT", "ca.pem"},
                          {"ETCDCTL_CERT", "c.pem"},
                          {"ETCDCTL_KEY", "k.pem"}};
  const Settings settings = load({}, etcdctl);
  CHECK(settings.user == "root");
  CHECK(settings.password == "secret");
  CHECK(settings.tls.ca_file == "ca.pem");
  CHECK(settings.tls.cert_file == "c.pem");
  CHECK(settings.tls.key_file == "k.pem");
  CHECK(settings.origin("cacert").place == "ETCDCTL_CACERT");
  CHECK(load({}, {{"ETCDCTL_PASSWORD", "theirs"}, {"IDETCD_USER", "root:ours"}}).password == "ours");
  CHECK(load({{"cacert", "flag.pem"}}, etcdctl).tls.ca_file == "flag.pem");
}

TEST_CASE("endpoint and endpoints are the same everywhere") {
  CHECK(from_corefile("endpoints http://a:1").endpoints.front() == "http://a:1");
  CHECK(from_corefile("endpoint http://a:1").endpoints.front() == "http://a:1");
  CHECK(load({}, {{"IDETCD_ENDPOINT", "http://a:1"}}).endpoints.front() == "http://a:1");
  CHECK(corefile_failure("endpoint http://a:1\nendpoints http://a:1") ==
        "Corefile:4: endpoints: is given twice (first at Corefile:3: endpoint)");
}

TEST_CASE("variables of ours that mean nothing are told, with what may have been meant") {
  const std::vector<std::string> environment{"IDETCD_LIMITS=5", "IDETCD_LIMIT=5",         "IDETCD_NAME=w1.",
                                             "HOME=/root",      "IDETCD_CREDENTIALS=a b", "IDETCD_ON_FUL=wait"};
  CHECK(unknown_variables(environment) ==
        std::vector<std::string>{
            "the environment's IDETCD_LIMITS is not a setting and has no effect; did you mean \"IDETCD_LIMIT\"?",
            "the environment's IDETCD_CREDENTIALS is not a setting and has no effect",
            "the environment's IDETCD_ON_FUL is not a setting and has no effect; did you mean \"IDETCD_ON_FULL\"?"});
}

TEST_CASE("the nearest known word") {
  const std::vector<std::string_view> known{"limit", "listen", "pattern", "ttl"};
  CHECK(nearest("limits", known) == "limit");
  CHECK(nearest("LIMIT", known) == "limit");
  CHECK(nearest("pattren", known) == "pattern");
  CHECK(nearest("tll", known) == "ttl");
  CHECK(nearest("forward", known).empty());
  CHECK(nearest("", known).empty());
  CHECK(nearest(std::string(1000, 'l'), known).empty());
}

TEST_CASE("every setting can be given in a Corefile") {
  const Settings settings = from_corefile(
      "endpoint https://a:2379 https://b:2379\nlimit 5\npattern worker{{.ID}}.tf.local.\nttl 30s\nadvertise 10.0.0.7 "
      "fd00::7\n"
      "path /names/\non-full wait\nsticky 1m\nnode-id n1\nstate-dir /var/lib/x\non-lost exit\ndns-ttl 3\n"
      "tls cert.pem key.pem ca.pem\ncredentials root secret\nlisten 127.0.0.1:1053 [::1]:1053\nlog-level debug");
  const PoolSettings& pool = settings.pools.front();
  CHECK(settings.endpoints.size() == 2);
  CHECK(pool.ttl == std::chrono::seconds(30));
  CHECK(pool.advertise.size() == 2);
  CHECK(pool.path == "/names/");
  CHECK(pool.sticky == std::chrono::seconds(60));
  CHECK(pool.on_lost == OnLostPolicy::kExit);
  CHECK(settings.dns_ttl == std::chrono::seconds(3));
  CHECK(settings.tls.cert_file == "cert.pem");
  CHECK(settings.tls.ca_file == "ca.pem");
  CHECK(settings.user == "root");
  CHECK(settings.listen ==
        std::vector<ListenAddress>{{idetcd::Ipv4{127, 0, 0, 1}, 1053}, {idetcd::parse_ipv6("::1"), 1053}});
}

TEST_CASE("every setting is printed with its value and its origin, and no password") {
  for (const SettingSpec& each : all_settings()) {
    CAPTURE(each.name);
    CHECK(has_value(each.name) == (each.where == SettingSpec::Where::kEverywhere && each.name != "serve"));
  }
  const Settings settings = from_corefile(
      "pattern w{{.ID}}.x.\ncredentials root hunter2\nallow 10.0.0.0/8 ::1\nsrv grpc 2222\nttl 90\nserve b{{.ID}}.x. "
      "3");
  const std::string text = config_as_text(settings);
  CAPTURE(text);
  CHECK(contains(text, "allow           10.0.0.0/8 ::1/128                       Corefile:5: allow\n"));
  CHECK(contains(text, "password        ***                                      Corefile:4: credentials\n"));
  CHECK(contains(text, "srv             grpc=2222                                Corefile:6: srv\n"));
  CHECK(contains(text, "ttl             90s                                      Corefile:7: ttl\n"));
  CHECK(contains(text, "# pool 2, served only\npattern         b{{.ID}}.x."));
  CHECK_FALSE(contains(text + config_as_json(settings), "hunter2"));
}

TEST_CASE("a Corefile's problems carry file and line") {
  CHECK(contains(
      corefile_failure("limit 5\nlimits 5"),
      "Corefile:4: unknown directive \"limits\"; did you mean \"limit\"? known in an idetcd block: endpoint "));
  CHECK(
      contains(corefile_failure("zonefile x"), "unknown directive \"zonefile\"; known in an idetcd block: endpoint "));
  CHECK(corefile_failure("limit 5 6") == "Corefile:3: limit: 2 arguments, at most 1 expected; remove \"6\"");
  CHECK(corefile_failure("endpoint") == "Corefile:3: endpoint: an argument is missing; write `endpoint URL[,URL]`");
  CHECK(contains(corefile_failure("limit 0"), "Corefile:3: limit: 0 is out of range"));
  CHECK(contains(corefile_failure("limit 5\n\nlimit 6"),
                 "Corefile:5: limit: is given twice (first at Corefile:3: limit)"));
  CHECK(corefile_failure("pattern w{{ .ID }}.x.") ==
        "Corefile:3: pattern: 3 arguments, at most 1 expected; quote a value that contains spaces, e.g. \"w{{ .ID "
        "}}.x.\"");
}

TEST_CASE("a password is never printed, whatever is wrong with its line", "[password]") {
  for (const char* line :
       {"user root hunter2", "user root:x hunter2", "password a hunter2", "credentials root x hunter2",
        "password a#hunter2", "credentials root \"a\"hunter2", "credentials root \"hunter2", "password {$hunter2}",
        "pasword b#hunter2", "user root {{ hunter2 }}", "password hunter2 {", "password hunter2\npassword hunter2",
        "pasword hunter2", "user root:hunter2\ncredentials x hunter2", "password hunter2\npassword-file hunter"}) {
    const std::string message = corefile_failure(line);
    CAPTURE(line, message);
    CHECK_FALSE(message.empty());
    CHECK_FALSE(contains(message, "hunter2"));
  }
  CHECK(corefile_failure("user root hunter2") ==
        "Corefile:3: user: 2 arguments, at most 1 expected; write `user USER[:PASSWORD]`");
}

TEST_CASE("a password comes from a file, of which the first line counts", "[password]") {
  const TemporaryFolder folder = TemporaryFolder::create("password").value();
  const std::string file = (folder.path() / "password").string();
  const auto write = [&](const std::string& text) { std::ofstream(file) << text; };
  write("hunter2\r\nmore\n");
  CHECK(load({{"user", "root"}, {"password-file", file}}).password == "hunter2");
  CHECK(load({{"password-file", file}}, {{"IDETCD_PASSWORD", "other"}, {"IDETCD_USER", "u:p"}}).password == "hunter2");
  CHECK(load({{"password", "given"}}, {{"IDETCD_PASSWORD_FILE", file}}).password == "given");
  CHECK(load({}, {{"IDETCD_PASSWORD_FILE", file}}).password == "hunter2");
  write("");
  CHECK(contains(flag_failure("password-file", file).message, "expected one line with the password"));
  write("\n");
  CHECK(contains(flag_failure("password-file", file).message, "its first line is empty"));
  CHECK(flag_failure("password-file", "/no/such").message ==
        "--password-file: \"/no/such\": No such file or directory");
}

TEST_CASE("a Corefile that is named must be there") {
  const Failure failure = failure_of([] { load({}, {{"IDETCD_CONF", "/no/such/Corefile"}}); });
  CHECK(failure.status == kExitConfig);
  CHECK(contains(failure.message, "/no/such/Corefile: cannot be read: No such file or directory"));
  CHECK(contains(failure_of([] { load({}, {{"IDETCD_CONF", "/"}}); }).message, "it is a directory"));
}

TEST_CASE("bad limits") {
  CHECK(flag_failure("limit", "0").message ==
        "--limit: 0 is out of range; expected the maximum number of nodes, 1 to 1000000");
  CHECK(contains(flag_failure("limit", "-1").message, "-1 is out of range"));
  CHECK(contains(flag_failure("limit", "1000000000").message, "1000000000 is out of range"));
  CHECK(contains(flag_failure("limit", "1e9").message, "\"1e9\" is not a whole number"));
  CHECK(contains(flag_failure("limit", "five").message, "\"five\" is not a whole number"));
}

TEST_CASE("bad endpoints") {
  CHECK(flag_failure("endpoints", "").message ==
        "--endpoints: the list is empty; expected at least one, e.g. http://localhost:2379");
  CHECK(contains(flag_failure("endpoints", " , ").message, "the list is empty"));
}

TEST_CASE("what connect() refuses ends the program") {
  const auto refused = [](const Variables& flags) {
    const Failure failure = failure_of([&] { connect_etcd(load(flags), {}); });
    CHECK(failure.status == kExitUsage);
    return failure.message;
  };
  CHECK(contains(refused({{"endpoints", "http://h:99999"}}), "99999"));
  CHECK(contains(refused({{"endpoints", "ftp://h:1"}}), "unknown scheme"));
  CHECK(contains(refused({{"cert", "c.pem"}, {"endpoints", "https://h:1"}}), "without its key"));
  CHECK(contains(refused({{"cacert", "c.pem"}}), "write https://"));
  CHECK(contains(refused({{"password", "x"}}), "without a user"));
  const Settings file = from_corefile("endpoint http://h:99999");
  CHECK(failure_of([&] { connect_etcd(file, {}); }).status == kExitConfig);
}

TEST_CASE("a setting was set where its synonym was") {
  const Settings file = from_corefile("credentials root secret\ntls ca.pem");
  CHECK(file.origin("password").place == "Corefile:3: credentials");
  CHECK(file.origin("cacert").place == "Corefile:4: tls");
  CHECK(file.origin("endpoints").place == "--endpoints");
}

TEST_CASE("what the library refuses is shown where it was set") {
  const auto refused = [](const std::string& line) {
    const Failure failure = failure_of([&] { check_settings(from_corefile("pattern w{{.ID}}.x.\n" + line)); });
    CHECK(failure.status == kExitConfig);
    return failure.message;
  };
  CHECK(contains(refused("ttl 1s"), "Corefile:4: ttl: "));
  CHECK(contains(refused("node-id a/b"), "Corefile:4: node-id: "));
  CHECK(contains(refused("path /" + std::string(512, 'p')), "Corefile:4: path: "));
  CHECK(contains(refused("sticky 1m"), "Corefile:4: sticky: "));
  CHECK(contains(refused("cidr 10.0.0.1/8"), "Corefile:4: cidr: "));
  CHECK(contains(refused("advertise host7"), "Corefile:4: advertise: "));
  CHECK(contains(failure_of([] { load({}, {{"IDETCD_TTL", "1"}}); }).message, "IDETCD_TTL: "));
}

TEST_CASE("bad values of the rest") {
  CHECK(contains(flag_failure("ttl", "1").message, "--ttl: ttl is 1 s; it must be 2 to 86400 s"));
  CHECK(contains(flag_failure("ttl", "soon").message, "is not a duration"));
  CHECK(contains(flag_failure("ttl", "20s5").message, "is not a duration"));
  CHECK(contains(flag_failure("advertise", "host7").message, "is not an IP address"));
  CHECK(contains(flag_failure("advertise", "0.0.0.0").message, "is the unspecified address"));
  CHECK(contains(flag_failure("advertise", "224.0.0.1").message, "multicast"));
  CHECK(contains(flag_failure("listen", "localhost:53").message, "\"localhost\" is not an IP address"));
  CHECK(contains(flag_failure("listen", "127.0.0.1:x").message, "\"x\" is not a port"));
  CHECK(contains(flag_failure("on-full", "queue").message, "expected one of: exit, wait"));
  CHECK(contains(flag_failure("on-lost", "cry").message, "expected one of: reclaim, exit, serve-only"));
  CHECK(contains(flag_failure("node-id", "a b").message, "letters, digits"));
  CHECK(contains(flag_failure("cidr", "10.0.0.1/8").message, "is not a network"));
  CHECK(contains(flag_failure("cidr", "10.0.0.0/33").message, "is not a network"));
  CHECK(flag_failure("srv", "grpc").message == "--srv: \"grpc\" has no =; expected e.g. grpc=2222");
  CHECK(contains(flag_failure("srv", "grpc=").message, "\"\" is not a port"));
  CHECK(contains(flag_failure("srv", "grpc=0").message, "0 is not a port to publish"));
  CHECK(contains(flag_failure("srv", "grpc=65536").message, "is not a port"));
  for (const char* bad : {"_grpc=1", "GRPC=1", "g.rpc=1", "-g=1", "g-=1", "=1"})
    CHECK(contains(flag_failure("srv", bad).message, "is not a service name"));
  CHECK(contains(flag_failure("meta", "role").message, "has no ="));
  CHECK(contains(flag_failure("meta", "=ps").message, "the key is empty"));
  CHECK(contains(flag_failure("meta", "slot=4").message, "is always published"));
  CHECK(contains(flag_failure("meta", "k=" + std::string(254, 'v')).message, "may have at most 254 bytes"));
  CHECK(contains(flag_failure("max-wait", "-1").message, "is not a duration"));
  CHECK(contains(flag_failure("user", ":x").message, "user name is empty"));
}

TEST_CASE("settings that do not go together") {
  CHECK(contains(failure_of([] { load({{"sticky", "60"}}); }).message, "--sticky: sticky needs a lasting node id"));
  CHECK(contains(failure_of([] {
                   load({{"advertise", "10.0.0.1"}, {"cidr", "10.0.0.0/8"}});
                 }).message,
                 "use one of the two"));
  CHECK(contains(failure_of([] { parse_pattern(load({}).pools.front()); }).message, "no pattern is set"));
}

TEST_CASE("ports and texts to publish: several in one source, and another source's instead of them") {
  const auto file = "srv grpc 2222\nsrv http 80\nmeta role \"first of all\"\nmeta zone a=b\n";
  const PoolSettings pool = from_corefile(file).pools.front();
  CHECK(pool.srv == std::map<std::string, std::uint16_t>{{"grpc", 2222}, {"http", 80}});
  CHECK(pool.meta == std::map<std::string, std::string>{{"role", "first of all"}, {"zone", "a=b"}});
  const PoolSettings over =
      load({{"srv", "x=1"}}, {{"IDETCD_SRV", "y=2"}, {"IDETCD_META", "a=1, b=2=3"}}).pools.front();
  CHECK(over.srv == std::map<std::string, std::uint16_t>{{"x", 1}});
  CHECK(over.meta == std::map<std::string, std::string>{{"a", "1"}, {"b", "2=3"}});

  CHECK(corefile_failure("srv grpc") == "Corefile:3: srv: an argument is missing; write `srv NAME PORT`");
  CHECK(corefile_failure("srv grpc 1\nsrv grpc 2") == "Corefile:4: srv: the port \"grpc\" is given twice");
  CHECK(corefile_failure("meta a=b c") == "Corefile:3: meta: the key \"a=b\" contains a =");
  CHECK(corefile_failure("meta role ps\nmeta role chief") == "Corefile:4: meta: \"role\" is given twice");
}

TEST_CASE("an end to waiting needs a wait") {
  const Settings settings = load({{"on-full", "wait"}, {"max-wait", "2m"}});
  CHECK(settings.pools.front().max_wait == std::chrono::minutes(2));
  CHECK(load({{"max-wait", "0"}}).pools.front().max_wait.count() == 0);
  CHECK(failure_of([] { load({{"max-wait", "5"}}); }).message == "--max-wait: needs on-full wait; set that too");
}

TEST_CASE("durations") {
  CHECK(*parse_duration("90") == std::chrono::seconds(90));
  CHECK(*parse_duration("1m30s") == std::chrono::seconds(90));
  CHECK(*parse_duration("1d") == std::chrono::seconds(86400));
  for (const char* bad : {"", "s", "-1", "1.5s", "1w", "1m30", "99999999999999999999", "11000d"})
    CHECK_FALSE(parse_duration(bad));
}
