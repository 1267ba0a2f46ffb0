// load_records ENDPOINT NAMES: see etcd_records.h.
#include "etcd_records.h"

#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: load_records ENDPOINT NAMES\n");
    return 2;
  }
  idetcd::EtcdOptions options;
  options.endpoints = {argv[1]};
  const auto etcd = idetcd::connect(options);
  const idetcd::Status loaded =
      etcd ? idetcd::bench::load_records(**etcd, static_cast<idetcd::SlotId>(std::atoi(argv[2]))) : etcd.error();
  if (loaded) return 0;
  std::fprintf(stderr, "load_records: %s\n", loaded.error().message.c_str());
  return 1;
}
