// A worker that gets its own name, and gives it back when it ends.
#include <idetcd/idetcd.h>

#include <cstdio>

int main(int argc, char** argv) {
  const auto etcd = idetcd::connect({.endpoints = {argc > 1 ? argv[1] : "http://localhost:2379"}});
  const auto pattern = idetcd::PatternTemplate::parse("worker{{.ID}}.tf.local.", 5);
  if (!etcd || !pattern) return 64;

  auto claim = idetcd::SlotClaimer(*etcd, *pattern, {}).claim({.ipv4 = {{10, 0, 0, 1}}, .ports = {{"grpc", 2222}}});
  if (!claim) return std::fprintf(stderr, "%s\n", claim.error().message.c_str()), 75;
  std::printf("I am %s; Enter ends me\n", claim->name().c_str());
  std::getchar();
}
