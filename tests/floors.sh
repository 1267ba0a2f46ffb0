#!/bin/sh
# floors.sh SOURCE-DIR: a folder includes itself and what its row names; every folder must have a row.
# `grpc` stands for gRPC and protobuf, `ldns` for ldns, `unbound` for libunbound and libevent, `sockets` for socket and epoll headers.
set -eu
cd "$1"
{
  cat <<'TABLE'
lib/include/idetcd
lib/src/base                       lib/include/idetcd
lib/src/pattern                    lib/include/idetcd lib/src/base
lib/src/model                      lib/include/idetcd lib/src/base sockets
lib/src/address                    lib/include/idetcd lib/src/base lib/src/model sockets
lib/src/machine                    lib/include/idetcd lib/src/base lib/src/model
lib/src/transport                  lib/include/idetcd lib/src/base grpc sockets
lib/src/claim                      lib/include/idetcd lib/src/base lib/src/model lib/src/machine
lib/src/records                    lib/include/idetcd lib/src/base lib/src/model lib/src/machine
apps/common/values                 lib/include/idetcd sockets
apps/common/system                 lib/include/idetcd apps/common/values sockets
apps/common/corefile               lib/include/idetcd
apps/common/settings               lib/include/idetcd apps/common/values apps/common/system apps/common/corefile
apps/common/directives             lib/include/idetcd apps/common/values apps/common/system apps/common/corefile apps/common/settings
apps/common/configuration          lib/include/idetcd apps/common/values apps/common/system apps/common/corefile apps/common/settings apps/common/directives
apps/idetcd-resolver/wire          lib/include/idetcd apps/common/values
apps/idetcd-resolver/zone          lib/include/idetcd apps/idetcd-resolver/wire
apps/idetcd-resolver/encode        lib/include/idetcd apps/common/values apps/idetcd-resolver/wire apps/idetcd-resolver/zone ldns
apps/idetcd-resolver/answer        lib/include/idetcd apps/common/values apps/idetcd-resolver/wire apps/idetcd-resolver/zone
apps/idetcd-resolver/forward        lib/include/idetcd apps/common/values apps/common/system apps/idetcd-resolver/wire apps/idetcd-resolver/answer ldns unbound
apps/idetcd-resolver/server        lib/include/idetcd apps/common/values apps/common/system apps/idetcd-resolver/wire apps/idetcd-resolver/answer sockets
apps/idetcd-resolver               lib/include/idetcd apps/common/values apps/common/system apps/common/settings apps/common/directives apps/common/configuration apps/idetcd-resolver/wire apps/idetcd-resolver/zone apps/idetcd-resolver/encode apps/idetcd-resolver/answer apps/idetcd-resolver/forward apps/idetcd-resolver/server sockets
apps/idetcd/guard                  lib/include/idetcd apps/common/system sockets
apps/idetcd/query                  lib/include/idetcd ldns sockets
apps/idetcd/pools                  lib/include/idetcd apps/common/values apps/common/system apps/common/settings apps/common/configuration
apps/idetcd/doctor                 lib/include/idetcd apps/common/values apps/common/system apps/common/settings apps/common/configuration apps/idetcd/pools apps/idetcd/query sockets
apps/idetcd                        lib/include/idetcd apps/common/values apps/common/system apps/common/settings apps/common/configuration apps/idetcd/guard apps/idetcd/pools apps/idetcd/query apps/idetcd/doctor sockets
TABLE
  echo
  find lib apps \( -name '*.h' -o -name '*.cc' \) -exec grep -Hn '^[[:blank:]]*#[[:blank:]]*include' {} +
} | awk '
function folder_of(path) { sub(/\/[^\/]*$/, "", path); return path }
# The folder of an included name, one of the three kinds of outside headers, or nothing.
function home_of(name, from, quoted,    root, candidate) {
  if (name ~ /^idetcd\//) return "lib/include/idetcd"
  if (name ~ /^(grpc|grpcpp|google)\/|\.pb\.h$/) return "grpc"
  if (name ~ /^(unbound|event2\/)/) return "unbound"
  if (name ~ /^ldns\//) return "ldns"
  if (name ~ /^(sys\/(socket|epoll|un)|netinet\/|arpa\/|netdb|ifaddrs|poll)/) return "sockets"
  if (name !~ /\//) return quoted && from ~ /idetcd-resolver\// ? "apps/idetcd-resolver" : ""
  root = from ~ /^lib\// ? "lib/src" : from ~ /idetcd-resolver/ ? "apps/idetcd-resolver" : "apps/idetcd"
  candidate = folder_of(root "/" name)
  if (candidate in known) return candidate
  candidate = folder_of("apps/" name)
  return from ~ /^apps/ && candidate in known ? candidate : ""
}
!table_read && NF == 0 { table_read = 1; next }
!table_read { known[$1] = 1; for (i = 2; i <= NF; ++i) may[$1, $i] = 1; next }
{
  split($0, place, ":")
  from = folder_of(place[1])
  name = $0; sub(/^[^"<]*["<]/, "", name); sub(/[">].*/, "", name)
  if (!(from in known)) { printf "%s: its folder has no row in tests/floors.sh\n", place[1]; bad = 1; next }
  to = home_of(name, from, $0 ~ /include[ \t]*"/)
  if (to != "" && to != from && !((from, to) in may)) {
    printf "%s:%s: includes %s, and %s may not see %s\n", place[1], place[2], name, from, to
    bad = 1
  }
  count++
}
END { printf "%d includes read\n", count; exit bad || count == 0 }
'
