// Fencing: the one thing a lease cannot do is stop a process that was asleep when it lost its slot and
// does not know yet. Whoever it writes to can: by refusing a token older than one already seen.
//
//   fenced_write [ENDPOINT]      needs an etcd; takes and gives back fenced1.example.
#include <idetcd/idetcd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

// Any outside resource: a disk, a database, a service. All it has to remember is one number a slot.
class Journal {
 public:
  void append(idetcd::Revision token, const char* line) {
    if (token < newest_) {
      std::printf("refused   token %lld: \"%s\" (token %lld has written)\n", static_cast<long long>(token), line,
                  static_cast<long long>(newest_));
      return;
    }
    newest_ = token;
    std::printf("written   token %lld: \"%s\"\n", static_cast<long long>(token), line);
  }

 private:
  idetcd::Revision newest_ = 0;
};

template <class T>
T or_exit(idetcd::Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().message.c_str());
    std::exit(1);
  }
  return *std::move(result);
}

}  // namespace

int main(int argc, char** argv) {
  const auto etcd = or_exit(idetcd::connect({.endpoints = {argc > 1 ? argv[1] : "http://localhost:2379"}}));
  const auto pattern = or_exit(idetcd::PatternTemplate::parse("fenced{{.ID}}.example.", 1));
  const idetcd::Record record{.ipv4 = {{127, 0, 0, 1}}};
  Journal journal;

  auto first = or_exit(idetcd::SlotClaimer(etcd, pattern, {.node_id = "first"}).claim(record));
  journal.append(first.token(), "first, as the owner");

  // What etcd does while the first one sleeps longer than its lease.
  if (auto revoked = etcd->lease_revoke(first.lease(), {}); !revoked) return 1;
  auto second = or_exit(idetcd::SlotClaimer(etcd, pattern, {.node_id = "second"}).claim(record));
  journal.append(second.token(), "second, the owner now");

  // The first one wakes up in the middle of its work, past its last look at held().
  journal.append(first.token(), "first, too late");
}
