// Daemons with several pools: every role its own name, all names on one port.
#include <signal.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <set>

#include "common/system/exit_status.h"
#include "support/eventually.h"
#include "support/notify_socket.h"
#include "support/program.h"

using namespace idetcd::testing;
using idetcd::app::kExitConfig;
using idetcd::app::kExitTryLater;
using idetcd::app::kExitUsage;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Every name that the daemon ever said it claimed.
std::set<std::string> claimed(Resolver& node) {
  std::set<std::string> names;
  const std::string text = node.program().errors();
  const std::string mark = "claimed ";
  for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1)) {
    const auto begin = at + mark.size();
    names.insert(text.substr(begin, text.find(" -> ", begin) - begin));
  }
  return names;
}

bool claims(Resolver& node, const std::set<std::string>& names) {
  return eventually([&] { return claimed(node) == names || !node.program().running(); }) && claimed(node) == names;
}

// A cluster's Corefile: workers, and parameter servers in a zone below theirs, are
// claimed by every node; the chief, elsewhere, only by its own.
class Cluster {
 public:
  std::string corefile() const {
    const std::string shared = "    path " + path_ + "\n    ttl 5s\n";
    return ". {\n  idetcd {\n    endpoint " + test_endpoints().front() + "\n" + shared +
           "    pattern worker{{.ID}}.tf.local.\n    limit 3\n    serve chief{{.ID}}.lead. 1\n  }\n  idetcd {\n" +
           shared + "    pattern ps{{.ID}}.ps.tf.local.\n    limit 2\n    pool-name all.ps.tf.local.\n  }\n}\n";
  }

  std::vector<std::string> flags(const std::string& address, std::vector<std::string> more = {}) const {
    std::vector<std::string> all{"--conf", file_.string(), "--advertise", address};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  // Flags alone, without the file.
  std::vector<std::string> bare(const std::string& address, std::vector<std::string> more = {}) const {
    std::vector<std::string> all{"--endpoints", test_endpoints().front(), "--path", path_, "--ttl", "5s", "--advertise",
                                 address};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  Cluster() { std::ofstream(file_) << corefile(); }

  std::string key(const std::string& name) const { return path_ + name; }
  std::filesystem::path folder() const { return folder_.path(); }

 private:
  const std::string path_ = random_prefix();
  const TemporaryFolder folder_{"cluster"};
  const std::filesystem::path file_ = folder_.path() / "Corefile";
};

const std::string kWorkers = "worker{{.ID}}.tf.local.";
const std::string kServers = "ps{{.ID}}.ps.tf.local.";

}  // namespace

TEST_CASE("two daemons take a name of each role and answer for all pools, nested ones too") {
  const Cluster cluster;
  Resolver first(cluster.flags("10.0.0.1"));
  REQUIRE(claims(first, {"worker1.tf.local.", "ps1.ps.tf.local."}));
  Resolver second(cluster.flags("10.0.0.2"));
  REQUIRE(claims(second, {"worker2.tf.local.", "ps2.ps.tf.local."}));
  Resolver chief(cluster.bare("10.0.0.9", {"--pattern", "chief{{.ID}}.lead.", "--limit", "1"}));
  REQUIRE(claims(chief, {"chief1.lead."}));

  for (Resolver* asked : {&first, &second}) {
    const std::uint16_t port = asked->port();
    CHECK(has(asked->program().errors(), "serving tf.local., ps.tf.local., lead. on 127.0.0.1:"));
    CHECK(eventually([&] { return answer(port, "worker1.tf.local.") == "10.0.0.1"; }));
    CHECK(eventually([&] { return answer(port, "worker2.tf.local.") == "10.0.0.2"; }));
    CHECK(eventually([&] { return answer(port, "ps1.ps.tf.local.") == "10.0.0.1"; }));
    CHECK(eventually([&] { return answer(port, "ps2.ps.tf.local.") == "10.0.0.2"; }));
    CHECK(eventually([&] { return answer(port, "chief1.lead.") == "10.0.0.9"; }));
    CHECK(has("10.0.0.1 10.0.0.2", answer(port, "all.ps.tf.local.")));
    CHECK(answer(port, "worker3.tf.local.") == "NXDOMAIN");
    CHECK(answer(port, "worker1.ps.tf.local.") == "NXDOMAIN");
    CHECK(answer(port, "ps.tf.local.") == "NOERROR");
    CHECK(answer(port, "worker1.lead.") == "NXDOMAIN");
    CHECK(answer(port, "example.org.") == "REFUSED");
  }

  first.program().signal(SIGTERM);
  CHECK(first.program().wait_for(kPatience) == 0);
  CHECK(first.program().trouble().empty());
  const std::uint16_t port = second.port();
  CHECK(eventually([&] { return answer(port, "worker1.tf.local.") == "NXDOMAIN"; }));
  CHECK(eventually([&] { return answer(port, "ps1.ps.tf.local.") == "NXDOMAIN"; }));
  CHECK(answer(port, "ps2.ps.tf.local.") == "10.0.0.2");
}

TEST_CASE("--pattern chooses among a file's roles, and the others are served") {
  const Cluster cluster;
  Resolver server(cluster.flags("10.0.0.1", {"--pattern", kServers}));
  REQUIRE(claims(server, {"ps1.ps.tf.local."}));
  Resolver worker(cluster.flags("10.0.0.2"), {{"IDETCD_PATTERN", kWorkers}});
  REQUIRE(claims(worker, {"worker1.tf.local."}));
  CHECK(eventually([&] { return answer(server.port(), "worker1.tf.local.") == "10.0.0.2"; }));
  CHECK(eventually([&] { return answer(worker.port(), "ps1.ps.tf.local.") == "10.0.0.1"; }));

  const std::string file = (cluster.folder() / "Corefile").string();
  std::vector<std::string> ls{IDETCD_COMPANION, "ls", "--conf", file};
  Program all({.argv = ls});
  CHECK(all.wait_for(kPatience) == 0);
  for (const char* count : {"1 of 3 names taken", "1 of 2 names taken", "0 of 1 names taken"})
    CHECK(has(all.output(), count));
  Program undecided({.argv = {IDETCD_COMPANION, "exec", "--conf", file, "--", "true"}});
  CHECK(undecided.wait_for(kPatience) == kExitUsage);
  CHECK(has(undecided.errors(), "choose one with --pattern: '" + kWorkers + "', '" + kServers + "'"));
  Resolver chief(cluster.flags("10.0.0.9", {"--pattern", "chief{{.ID}}.lead."}));
  CHECK(claims(chief, {"chief1.lead."}));
  CHECK(has(chief.program().errors(), "; slot 1 of 1,"));
  ls.insert(ls.end(), {"--pattern", kServers});
  Program listing({.argv = ls});
  CHECK(listing.wait_for(kPatience) == 0);
  CHECK(has(listing.output(), "1 of 2 names taken, 0 waiting"));
}

TEST_CASE("roles of one killed process have their names back from one state folder") {
  const Cluster cluster;
  const std::vector<std::string> roles{"--pattern", kWorkers,      "--pattern",
                                       kServers,    "--state-dir", (cluster.folder() / "state").string()};
  Resolver other(cluster.bare("10.0.0.1", {"--pattern", kWorkers}));
  REQUIRE(claims(other, {"worker1.tf.local."}));
  const std::set<std::string> names{"worker2.tf.local.", "ps1.ps.tf.local."};
  auto node = std::make_unique<Resolver>(cluster.bare("10.0.0.2", roles));
  REQUIRE(claims(*node, names));
  node->program().signal(SIGKILL);
  REQUIRE(node->program().wait_for(kPatience));
  node = std::make_unique<Resolver>(cluster.bare("10.0.0.2", roles));
  CHECK(claims(*node, names));
}

TEST_CASE("a role that is full ends the daemon, and its other name is given back") {
  const Cluster cluster;
  const std::vector<std::string> roles{"--pattern", kWorkers, "--pattern", "only{{.ID}}.tf.local."};
  Resolver holder(cluster.bare("10.0.0.1", {"--pattern", "only{{.ID}}.tf.local.", "--limit", "1"}));
  REQUIRE(claims(holder, {"only1.tf.local."}));
  auto more = roles;
  more.insert(more.end(), {"--limit", "1"});
  Resolver refused(cluster.bare("10.0.0.2", more));
  CHECK(refused.program().wait_for(kPatience) == kExitTryLater);
  CHECK(has("\n" + refused.program().errors(),
            "\nidetcd-resolver: only{{.ID}}.tf.local.: Could not have more than 1 nodes in your cluster: every one of "
            "the 1 slots of only{{.ID}}.tf.local. is taken; raise the limit, or wait for one\n"));
  const auto given_back = [&] {
    const auto left = connect_for_test()->range({.keys = idetcd::KeyRange::one(cluster.key("worker1.tf.local."))}, {});
    REQUIRE(left);
    return left->kvs.empty();
  };
  CHECK(given_back());

  // The first may have ended before it had the other name; one that waits has it by then.
  more.insert(more.end(), {"--on-full", "wait", "--max-wait", "3s"});
  Resolver patient(cluster.bare("10.0.0.2", more));
  CHECK(patient.program().wait_for(kPatience) == kExitTryLater);
  CHECK(claimed(patient) == std::set<std::string>{"worker1.tf.local."});
  CHECK(given_back());
}

TEST_CASE("a service manager is told of every name, and that all are there") {
  const Cluster cluster;
  const NotifySocket manager(cluster.folder() / "notify");
  Resolver node(cluster.flags("10.0.0.1"), {{"NOTIFY_SOCKET", manager.path()}});
  std::string ready;
  for (int i = 0; i < 3 && !has(ready, "READY=1"); ++i) ready = manager.next();
  CHECK(ready == "READY=1\nSTATUS=serving as worker1.tf.local., ps1.ps.tf.local.");
}

TEST_CASE("pools that contradict each other are refused with both places") {
  const auto refused = [](const std::vector<std::string>& arguments, const std::string& corefile, int status,
                          const std::string& message) {
    std::vector<std::string> argv{IDETCD_RESOLVER};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    Program program({.argv = argv, .corefile = corefile});
    CHECK(program.wait_for(kPatience) == status);
    INFO(program.errors());
    CHECK(has(program.errors(), message));
  };
  refused({}, ". {\nidetcd {\npattern a{{.ID}}.x.\n}\nidetcd {\npattern {{\"a\"}}{{.ID}}.x.\nlimit 3\n}\n}\n",
          kExitConfig, "Corefile:6: pattern: a1.x. is also a name of a{{.ID}}.x. (Corefile:3: pattern)");
  refused({}, ". {\nidetcd {\npattern a{{.ID}}.x.\nserve a1{{.ID}}.x. 20\nlimit 20\n}\n}\n", kExitConfig,
          "Corefile:4: serve: a11.x. is also a name of a{{.ID}}.x. (Corefile:3: pattern)");
  refused({}, ". {\nidetcd {\npattern a{{.ID}}.x.\nlisten :1\n}\nidetcd {\nserve b{{.ID}}.x.\nlisten :2\n}\n}\n",
          kExitConfig, "Corefile:8: listen: contradicts Corefile:4: listen");
  refused({"--pattern", "a{{.ID}}.x.", "--pattern", "a{{.ID}}.x."}, "", kExitUsage,
          "--pattern: a1.x. is also a name of");
  refused({"--pattern", "a{{.ID}}.x.", "--serve", "b.x.=4"}, "", kExitUsage, "--serve: ");
}
