// The directives of a server block: values, and what wrong ones say.
#include "common/directives/server_directives.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "common/configuration/load_settings.h"
#include "common/directives/directive_table.h"
#include "common/system/exit_status.h"
#include "common/system/temporary_folder.h"
#include "common/values/go_duration.h"

using namespace idetcd::app;
using namespace std::chrono_literals;
using idetcd::Ipv4;

namespace {

std::string block(const std::string& lines) {
  return ".:1053 {\nidetcd\n" + lines + "\n}\n";
}

// `lines` begin at line 3 of the file.
idetcd::Result<ServerDirectives> read(const std::string& lines) {
  const auto corefile = parse_corefile(block(lines), "Corefile", no_variables);
  if (!corefile) return corefile.error();
  return read_server_directives(*corefile);
}

ServerSettings server(const std::string& lines) {
  return read(lines).value().servers.front();
}

std::string error_of(const std::string& lines) {
  const auto directives = read(lines);
  return directives ? "no error" : directives.error().message;
}

bool begins(const std::string& text, std::string_view part) {
  return text.rfind(part, 0) == 0;
}

Settings settings_of(const std::string& text) {
  Settings settings;
  apply_corefile(settings, text, "Corefile");
  return settings;
}

std::string failure_of(const std::string& text) {
  try {
    settings_of(text);
  } catch (const Exit& exit) {
    CHECK(exit.status() == kExitConfig);
    return exit.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("health, ready and prometheus have CoreDNS' addresses") {
  const auto http = [](const std::string& lines) { return read(lines).value().http; };
  CHECK(http("health").at(0).address == ListenAddress{std::nullopt, 8080});
  CHECK(http("health").at(0).health);
  CHECK(http("ready").at(0).address == ListenAddress{std::nullopt, 8181});
  CHECK(http("prometheus").at(0).address == ListenAddress{Ipv4{127, 0, 0, 1}, 9153});
  CHECK(http("prometheus 0.0.0.0:9253").at(0).address == ListenAddress{Ipv4{0, 0, 0, 0}, 9253});
  CHECK(http("health localhost:8081 {\nlameduck 5s\n}").at(0).address == ListenAddress{Ipv4{127, 0, 0, 1}, 8081});
  CHECK(read("health {\nlameduck 1.5s\n}").value().lameduck == 1500ms);
  const auto shared = http("health :8080\nready :8080");
  REQUIRE(shared.size() == 1);
  CHECK((shared[0].health && shared[0].ready && !shared[0].metrics));
  CHECK(begins(error_of("health 8080"), "Corefile:3: health: \"8080\" has no port"));
  CHECK(begins(error_of("health {\nlameduk 5s\n}"),
               "Corefile:4: lameduk: unknown property 'lameduk'; did you mean \"lameduck\"? known: lameduck"));
  CHECK(begins(error_of("health {\nlameduck 5\n}"), "Corefile:4: lameduck: \"5\" is not a duration"));
  CHECK(begins(error_of("ready a:b c"), "Corefile:3: ready: 2 arguments, at most 1 expected; remove \"c\""));
  CHECK(
      begins(error_of("ready\nready"), "Corefile:4: ready: is given twice in this server block (first at Corefile:3)"));
}

TEST_CASE("bind takes addresses and interfaces, and may be repeated") {
  CHECK(server("bind 127.0.0.1 ::1").bind.size() == 2);
  CHECK(server("bind 127.0.0.1\nbind 127.0.0.2").bind.size() == 2);
  const auto lo = server("bind lo").bind;
  CHECK(std::find(lo.begin(), lo.end(), idetcd::IpAddress(Ipv4{127, 0, 0, 1})) != lo.end());
  CHECK(server("bind 127.0.0.1 127.0.0.2 {\nexcept 127.0.0.1\n}").bind ==
        std::vector<idetcd::IpAddress>{Ipv4{127, 0, 0, 2}});
  CHECK(begins(error_of("bind nosuch0"), "Corefile:3: bind: not a valid IP address or interface name: \"nosuch0\""));
  CHECK(begins(error_of("bind"), "Corefile:3: bind: at least one address or interface name is expected"));
  CHECK(begins(error_of("bind 127.0.0.1 {\nexcept 127.0.0.1\n}"), "Corefile:3: bind: no address is left"));
}

TEST_CASE("acl: the rules of a block, in order") {
  const auto rules =
      server("acl {\nallow type A AAAA net 10.0.0.0/8 192.0.2.1\nblock net *\n}\nacl A.org {\nDrop\n}").acl;
  REQUIRE(rules.size() == 2);
  CHECK(rules[0].zones == std::vector<std::string>{"."});
  REQUIRE(rules[0].policies.size() == 2);
  CHECK(rules[0].policies[0].types == std::vector<std::uint16_t>{1, 28});
  CHECK(rules[0].policies[0].networks.size() == 2);
  CHECK(rules[0].policies[1] == AclPolicy{AclAction::kBlock, {}, {}});
  CHECK(rules[1].zones == std::vector<std::string>{"a.org."});
  CHECK(rules[1].policies[0].action == AclAction::kDrop);
  CHECK(begins(error_of("acl {\nallow type\n}"), "Corefile:4: allow: no token specified in \"type\" section"));
  CHECK(begins(error_of("acl {\nallow 10.0.0.0/8\n}"),
               "Corefile:4: allow: unexpected token \"10.0.0.0/8\"; expect 'type | net'"));
  CHECK(begins(error_of("acl {\nallow type B\n}"), "Corefile:4: allow: unexpected token \"B\"; expect legal QTYPE"));
  CHECK(begins(error_of("acl {\npass net *\n}"), "Corefile:4: pass: unexpected token \"pass\"; expect 'allow'"));
  CHECK(begins(error_of("acl {\nblock net 10.0.0.1/8\n}"), "Corefile:4: block: \"10.0.0.1/8\" is not a network"));
}

TEST_CASE("the directives that say who this server is") {
  CHECK(server("nsid").nsid == server("chaos").hostname);
  CHECK(server("nsid Use The Force").nsid == "Use The Force");
  CHECK_FALSE(server("chaos").version);
  CHECK(server("chaos v1").version == "v1");
  CHECK(server("chaos v1 b a b").authors == std::vector<std::string>{"a", "b"});
}

TEST_CASE("the other directives that work") {
  CHECK(server("bufsize").max_udp == 1232);
  CHECK(server("bufsize 512").max_udp == 512);
  CHECK(server("bufsize 4096").max_udp == 1232);
  CHECK(read("bufsize 4096").value().warnings.size() == 1);
  CHECK(begins(error_of("bufsize 511"), "Corefile:3: bufsize: \"511\" is not a number from 512 to 4096"));
  CHECK(server("whoami").whoami);
  CHECK(read("debug").value().debug);
  CHECK(error_of("any\ncancel 1s\nloadbalance round_robin\nerrors {\nstacktrace\n}") == "no error");
  CHECK(begins(error_of("any x"), "Corefile:3: any: takes no argument; remove \"x\""));
  CHECK(begins(error_of("any {\nx\n}"), "Corefile:4: x: any has no block"));
  CHECK(begins(error_of("cancel -1s"), "Corefile:3: cancel: \"-1s\" is not a duration"));
  CHECK(begins(error_of("cancel 0"), "Corefile:3: cancel: the time must be more than 0"));
  CHECK(begins(error_of("loadbalance weighted f"), "Corefile:3: loadbalance: weights are not built"));
  CHECK(begins(error_of("loadbalance x"), "Corefile:3: loadbalance: unknown policy: x"));
  CHECK(begins(error_of("errors file"), "Corefile:3: errors: invalid log file: file"));
  CHECK(server("log").log == std::vector<QueryLogRule>{{".", "", true, true, true}});
  CHECK(server("log a.org b.org \"{type}\" {\nclass denial error\n}").log ==
        std::vector<QueryLogRule>{{"a.org.", "{type}", false, true, true}, {"b.org.", "{type}", false, true, true}});
  CHECK(begins(error_of("log {\nclass none\n}"), "Corefile:4: class: unknown class \"none\""));
}

TEST_CASE("what is not built is refused by name, and what makes no difference is a warning") {
  for (const DirectiveSpec& spec : all_directives()) {
    if (spec.role == DirectiveSpec::Role::kWorks) continue;
    CAPTURE(spec.name);
    CHECK_FALSE(spec.reason.empty());
    const std::string name(spec.name);
    if (spec.role == DirectiveSpec::Role::kRefused) {
      CHECK(error_of(name) == "Corefile:3: " + name + ": " + std::string(spec.reason));
    } else {
      CHECK(read(name).value().warnings ==
            std::vector<std::string>{"Corefile:3: " + name + ": has no effect: " + std::string(spec.reason)});
    }
  }
}

TEST_CASE("forward and cache are read as CoreDNS has them") {
  const auto rule = [](const std::string& line) { return server(line).forward.at(0); };
  const Ipv4 quad9{9, 9, 9, 9};
  CHECK(rule("forward . 9.9.9.9").upstreams == std::vector<Upstream>{{quad9, 53, false}});
  CHECK(rule("forward Example.ORG 9.9.9.9:5353 dns://[2620:fe::fe]").zone == "example.org.");
  CHECK(rule("forward . 9.9.9.9 dns://[2620:fe::fe]:54").upstreams.at(1).port == 54);
  CHECK(rule("forward . tls://9.9.9.9 {\ntls_servername dns.quad9.net\n}").upstreams.at(0) ==
        Upstream{quad9, 853, true});
  CHECK(rule("forward . tls://9.9.9.9%dns.quad9.net").tls_name == "dns.quad9.net");
  CHECK(rule("forward . 9.9.9.9 {\nexcept a.org b.org\nmax_concurrent 5\nforce_tcp\n}") ==
        ForwardRule{"Corefile:3: forward", ".", {{quad9, 53, false}}, false, {"a.org.", "b.org."}, true, "", "", 5});
  CHECK(begins(error_of("forward . 9.9.9.9 tls://9.9.9.10"), "Corefile:3: forward: either all upstreams"));
  CHECK(begins(error_of("forward . https://dns.example"), "Corefile:3: forward: \"https://dns.example\": an upstream"));
  CHECK(begins(error_of("forward . dns.example"), "Corefile:3: forward: \"dns.example\" is neither"));
  CHECK(begins(error_of("forward . /nowhere/resolv.conf"), "Corefile:3: forward: /nowhere/resolv.conf is neither"));
  CHECK(begins(error_of("forward . 9.9.9.9\nforward . 9.9.9.10"), "Corefile:4: forward: . is forwarded already"));
  CHECK(begins(read("forward . 9.9.9.9 {\nhealth_check 5s\n}").value().warnings.at(0),
               "Corefile:4: health_check: has no"));

  const auto cache = [](const std::string& line) { return server("forward . 9.9.9.9\n" + line).cache.value(); };
  CHECK(cache("cache").max_ttl == 3600s);
  CHECK(cache("cache").zones == std::vector<std::string>{"."});
  CHECK(cache("cache 30 a.org").zones == std::vector<std::string>{"a.org."});
  CHECK(cache("cache 30").max_negative_ttl == 30s);
  CHECK(cache("cache {\nsuccess 5000 60 10\ndenial 100 5\n}") == CacheRule{{"."}, 60s, 10s, 5s, 9984, {}, true});
  CHECK(cache("cache {\nserve_stale\n}").serve_stale == 3600s);
  CHECK_FALSE(cache("cache {\nserve_stale 10m verify\n}").stale_at_once);
  CHECK(begins(read("cache 30").value().warnings.at(0), "Corefile:1: cache has no effect without forward"));
  CHECK(begins(error_of("forward ."), "Corefile:3: forward: write `forward FROM TO...`"));
  CHECK(begins(error_of("forward . 10.0.0.1 {\nmax_fail 3\n}"),
               "Corefile:4: max_fail: unknown property 'max_fail'; did you mean \"max_fails\"?"));
  CHECK(begins(error_of("cache 0"), "Corefile:3: cache: the TTL is 0"));
  CHECK(begins(error_of("cache 30 {\nserve_stale 1h immediate x\n}"), "Corefile:4: serve_stale: 3 arguments"));
}

TEST_CASE("every problem of a file is told: of directives, options and values") {
  const std::string all =
      failure_of(". {\nhealth 8080\nidetcd {\nlimit 0\nlimits 5\nttl\n}\nforward .\n}\nb.org {\nbind x0\n}\n");
  for (const std::string_view part :
       {"Corefile:2: health: ", "\nCorefile:4: limit: 0 is out of range", "\nCorefile:5: unknown directive \"limits\"",
        "\nCorefile:6: ttl: an argument is missing", "\nCorefile:8: forward: ", "\nCorefile:11: bind: "}) {
    CAPTURE(part, all);
    CHECK(all.find(part) != std::string::npos);
  }
}

TEST_CASE("an upstream at which the server itself listens is refused, or left out of a resolv.conf") {
  const auto with = [](const std::string& forward) {
    return ".:53 {\nidetcd {\nlisten 127.0.0.1\n}\nforward . " + forward + "\n}";
  };
  CHECK(failure_of(with("127.0.0.1")) ==
        "Corefile:5: forward: this server itself listens at 127.0.0.1:53; name another server");
  CHECK(settings_of(with("127.0.0.1:54 127.0.0.53")).servers[0].forward[0].upstreams.size() == 2);
  CHECK(begins(failure_of(".:53 {\nidetcd\nforward . 127.0.0.53\n}"), "Corefile:3: forward: this server itself"));

  const TemporaryFolder folder = TemporaryFolder::create("idetcd-test-").value();
  const std::string path = (folder.path() / "resolv.conf").string();
  std::ofstream(path) << "search example.org\nnameserver 127.0.0.1\nnameserver 192.0.2.53\n";
  const Settings settings = settings_of(with(path));
  CHECK(settings.servers[0].forward[0].upstreams == std::vector<Upstream>{{Ipv4{192, 0, 2, 53}, 53, false}});
  CHECK(settings.warnings == std::vector<std::string>{"Corefile:5: forward: 127.0.0.1:53 is left out: this server "
                                                      "itself listens there"});
  std::ofstream(path) << "nameserver 127.0.0.1\n";
  CHECK(begins(failure_of(with(path)), "Corefile:5: forward: the only nameserver there is 127.0.0.1:53"));
}

TEST_CASE("server blocks are placed by their ports and bind") {
  const Settings settings =
      settings_of("a.org:53 {\nbind 127.0.0.1\nidetcd\n}\nb.org:1053 c.org {\nbind 127.0.0.1\n}\n");
  REQUIRE(settings.servers.size() == 2);
  const Ipv4 local{127, 0, 0, 1};
  CHECK(settings.servers[0].listen == std::vector<ListenAddress>{{local, 53}});
  CHECK(settings.servers[1].listen == std::vector<ListenAddress>{{local, 53}, {local, 1053}});
  CHECK(settings.pools.front().server == 0);
  CHECK(settings_of("b.org {\nany\n}\na.org {\nidetcd {\nlisten 127.0.0.1:7\n}\n}\n").servers[0].listen ==
        std::vector<ListenAddress>{{local, 7}});
  CHECK(settings_of("b.org {\nany\n}\na.org {\nidetcd\n}\n").pools.front().server == 1);
  CHECK(settings_of(".:1053 {\nidetcd {\nlisten 127.0.0.1\n}\n}").listen == std::vector<ListenAddress>{{local, 1053}});
}

TEST_CASE("server blocks that get in each other's way are refused") {
  CHECK(begins(failure_of("a.org {\nidetcd\n}\na.org {\nany\n}"),
               "Corefile:4: cannot serve dns://a.org.:53 on *:53 - it is already defined (Corefile:1)"));
  CHECK(begins(failure_of("a.org a.org {\nidetcd\n}"), "Corefile:1: cannot serve dns://a.org.:53"));
  CHECK(begins(failure_of("a.org {\nidetcd\n}\nb.org {\nbind 127.0.0.1\n}"),
               "Corefile:4: listens on 127.0.0.1:53, and Corefile:1 on *:53"));
  CHECK(begins(failure_of("a.org:53 {\nidetcd {\nlisten 127.0.0.1\n}\n}\nb.org:54 {\nany\n}"),
               "Corefile:6: the server blocks have several ports, so listen cannot"));
  CHECK(begins(failure_of("a.org {\nbind 127.0.0.1\nidetcd {\nlisten 127.0.0.1\n}\n}"),
               "Corefile:4: listen: contradicts bind"));
  CHECK(failure_of("a.org {\nbind 127.0.0.1\nidetcd\n}\na.org {\nbind ::1\n}") == "no error");
}

TEST_CASE("durations as Go writes them") {
  CHECK(parse_go_duration("1h1m1.5s").value() == 3661500ms);
  CHECK(parse_go_duration("0").value() == 0ms);
  CHECK(parse_go_duration("+5ms").value() == 5ms);
  CHECK(parse_go_duration("1500us").value() == 1ms);
  for (const char* text : {"", "5", "s", "1x", "1s ", "-1s", "1..5s", "1e3s", "inf", ".s", "9999999h"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_go_duration(text));
  }
}
