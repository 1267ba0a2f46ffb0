#!/bin/sh
# floors.sh SOURCE-DIR: a file includes only what stands below it. The floors, from the ground:
# 0 base, 1 records and patterns, 2 etcd's values, 3 machines, 4 threads and transport, 5 programs.
set -eu
cd "$1"
find lib apps -name '*.h' -o -name '*.cc' | sort | xargs awk '
function floor_of(path) {
  if (path ~ /^lib\/src\/base\/|^lib\/include\/idetcd\/(export|log|result|snapshot|version)\.h/) return 0
  if (path ~ /^lib\/src\/model\/etcd_values|^lib\/include\/idetcd\/etcd\.h/) return 2
  if (path ~ /^lib\/src\/model\/|^lib\/include\/idetcd\/(record|pattern_template)\.h/) return 1
  if (path ~ /^lib\/src\/machine\//) return 3
  return path ~ /^lib\// ? 4 : 5
}
function resolve(name) {  # the included file in our tree, or the name as it is
  if (name ~ /^idetcd\//) return "lib/include/" name
  if (name ~ /^(base|model|machine|transport)\//) return "lib/src/" name
  return folder "/" name
}
function deny(who, whom, why) {
  if (FILENAME ~ who && included ~ whom) complain(why)
}
function complain(why) { printf "%s:%d: includes %s: %s\n", FILENAME, FNR, name, why; bad = 1 }
/^[ \t]*#[ \t]*include[ \t]*["<]/ {
  name = $0; sub(/^[^"<]*["<]/, "", name); sub(/[">].*/, "", name)
  folder = FILENAME; sub(/\/[^\/]*$/, "", folder)
  included = resolve(name); count++
  ours = name ~ /^idetcd\// || /include[ \t]*"/
  if (ours && floor_of(included) > floor_of(FILENAME)) complain("that is a floor up")
  if (FILENAME ~ /^apps\// && included ~ /^lib\/src\//) complain("programs see the public headers only")
  if (FILENAME !~ /^lib\/src\/transport\//) {
    if (name ~ /^(grpc|grpcpp|google)\/|\.pb\.h$/) complain("only the transport sees gRPC and protobuf")
    if (included ~ /^lib\/src\/transport\//) complain("etcd is handed in, never made here")
  }
  if (name ~ /^ldns\// && FILENAME !~ LDNS) complain("only the zone builder and the slow paths see ldns")
  deny("/idetcd-resolver/question", "/(zone|answer|udp|tcp|dns_server)[a-z_]*\\.h", "the question knows nothing but the packet")
  deny("/idetcd-resolver/zone\\.", "/(zone_builder|answer|udp|tcp|dns_server)[a-z_]*\\.h", "a zone is a value")
  deny("/idetcd-resolver/answer", "/(zone_builder|zone_publisher|udp|tcp|dns_server)[a-z_]*\\.h|sys/(socket|epoll)\\.h", "answers know no sockets")
  deny("/idetcd-resolver/(udp|tcp)_", "/zone[a-z_]*\\.h", "sockets know no zones")
}
END { printf "%d includes read\n", count; exit bad || count == 0 }
' LDNS='/idetcd-resolver/(zone_builder|rr_encoder|transfer|tsig)|^apps/idetcd/'
