// Uses a little of everything that needs no etcd; says what it saw, exits 0 if it was right.
#include <idetcd/idetcd.h>

#include <cstdio>
#include <string>

namespace {

bool check(bool good, const char* what, const std::string& seen) {
  std::printf("%s %s: %s\n", good ? "ok" : "WRONG", what, seen.c_str());
  return good;
}

bool pattern() {
  const auto pattern = idetcd::PatternTemplate::parse("worker{{.ID}}.tf.local.", 5);
  if (!pattern) return check(false, "pattern", pattern.error().message);
  const std::string name(pattern->render(3));
  return check(name == "worker3.tf.local." && pattern->match("WORKER3.tf.local") == 3, "pattern", name);
}

bool record() {
  idetcd::Record record;
  record.ipv4 = {{10, 0, 0, 1}};
  record.ports["grpc"] = 2222;
  const std::string json = idetcd::to_json(record);
  const auto read = idetcd::parse_record(json);
  return check(read && *read == record, "record", json);
}

bool refused_endpoint() {
  const auto etcd = idetcd::connect({.endpoints = {"http://127.0.0.1:notaport"}});
  return check(!etcd && etcd.error().code == idetcd::ErrorCode::kInvalidArgument, "bad endpoint",
               etcd ? "accepted" : etcd.error().message);
}

// Nobody listens on port 1: the call goes all the way to gRPC and comes back.
bool absent_etcd() {
  const auto etcd = idetcd::connect({.endpoints = {"http://127.0.0.1:1"}});
  if (!etcd) return check(false, "absent etcd", etcd.error().message);
  const auto reply = (*etcd)->range({.keys = idetcd::KeyRange::one("a")}, {.timeout = std::chrono::seconds(1)});
  return check(!reply, "absent etcd", reply ? "answered" : reply.error().message);
}

}  // namespace

int main() {
  std::printf("idetcd %s\n", IDETCD_VERSION);
  return (pattern() & record() & refused_endpoint() & absent_etcd()) ? 0 : 1;
}
