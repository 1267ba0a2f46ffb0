#!/bin/bash
# The DNS servers side by side: same names, same questions, same machine, by turns.
#
#   tests/bench/dns/run.sh [BUILD=build/release] [OUT=a temporary folder]
#
# Each server runs on core 0 alone and the load (dnsblast) on core 1; a round asks each of
# them once, and the table shows the medians of ROUNDS rounds. "floor" is udpfloor: what the
# kernel takes for receiving and sending, below which no server gets. "idetcd" is the daemon,
# its records in an etcd that shares the load's core; "library" is its DNS half alone
# (bench_dns_server). Knot (knotd) and NSD (nsd) take part where they are installed. CPU is
# the server's own, from /proc.
#
# Settings, from the environment: ROUNDS=5 SECONDS_EACH=3 NAMES="1000 100000"
# MIXES="a mix" (also aaaa nx) EDNS="no yes" SERVERS="floor idetcd knot nsd" WORKERS=1 PORT=5353
# SERVER_CORES=0 LOAD_CORES=1 WINDOW=64 SOCKETS=16 RATE= (queries/s; for latency at a set load)
set -euo pipefail
. "$(dirname "$0")/etcd.sh"

build=${1:-build/release}
out=${2:-$(mktemp -d)}
rounds=${ROUNDS:-5}
seconds=${SECONDS_EACH:-3}
port=${PORT:-5353}
workers=${WORKERS:-1}
server_cores=${SERVER_CORES:-0}
load_cores=${LOAD_CORES:-1}
tools=$build/tests/bench/dns
mkdir -p "$out"
server_pid=

stop_server() {
  [[ -n $server_pid ]] || return 0
  kill "$server_pid" 2>/dev/null || true
  wait "$server_pid" 2>/dev/null || true
  server_pid=
}
stop_all() {
  stop_server
  stop_etcd
}
trap stop_all EXIT

# questions NAMES MIX FILE: 200,000 questions over random names.
questions() {
  awk -v names="$1" -v mix="$2" 'BEGIN {
    srand(1)
    for (i = 0; i < 200000; i++) {
      n = int(rand() * names) + 1
      kind = mix == "mix" ? i % 4 : mix == "aaaa" ? 2 : mix == "nx" ? 3 : 0
      if (kind < 2) print "worker" n ".tf.local. A"
      else if (kind == 2) print "worker" n ".tf.local. AAAA"
      else print "nobody" n ".tf.local. A"
    }
  }' > "$3"
}

# The same records as synthetic_zone.h makes, for Knot and NSD.
zone_file() {
  awk -v names="$1" 'BEGIN {
    print "$ORIGIN tf.local.\n$TTL 5\n@ SOA ns root 1 60 10 86400 2\n@ NS ns\nns A 127.0.0.1"
    for (n = 1; n <= names; n++) {
      high = int(n / 65536); middle = int(n / 256) % 256; low = n % 256
      printf "worker%d A 10.%d.%d.%d\nworker%d AAAA fd00::%x:%x\nworker%d TXT \"slot=%d\" \"token=%d\"\n",
             n, high, middle, low, n, high, middle * 256 + low, n, n, n
    }
  }' > "$out/tf.local.zone"
}

write_configs() {
  cat > "$out/knot.conf" <<CONF
server:
    rundir: "$out"
    listen: 127.0.0.1@$port
    udp-workers: $workers
    tcp-workers: 1
    background-workers: 1
database:
    storage: "$out/knot-db"
zone:
  - domain: tf.local
    file: "$out/tf.local.zone"
    semantic-checks: off
    zonefile-sync: -1
    journal-content: none
CONF
  cat > "$out/nsd.conf" <<CONF
server:
    ip-address: 127.0.0.1@$port
    server-count: $workers
    username: ""
    chroot: ""
    zonesdir: "$out"
    database: ""
    pidfile: "$out/nsd.pid"
    xfrdfile: "$out/nsd.xfrd"
    xfrdir: "$out"
    zonelistfile: "$out/nsd.zones"
    reuseport: yes
    rrl-ratelimit: 0
    rrl-whitelist-ratelimit: 0
remote-control:
    control-enable: no
zone:
    name: tf.local
    zonefile: tf.local.zone
CONF
}

# start SERVER NAMES: on its core, and wait until it answers.
start() {
  local command
  case $1 in
    floor) command=("$tools/udpfloor" "$port") ;;
    library) command=("$tools/bench_dns_server" "$port" "$2" "$workers") ;;
    idetcd) command=("$build/apps/idetcd-resolver/idetcd-resolver" --no-claim --endpoints "$etcd" --limit "$2"
                     --pattern 'worker{{.ID}}.tf.local.' --listen "127.0.0.1:$port" --workers "$workers") ;;
    knot) command=(knotd -c "$out/knot.conf") ;;
    nsd) command=(nsd -d -c "$out/nsd.conf") ;;
  esac
  taskset -c "$server_cores" "${command[@]}" > "$out/$1.log" 2>&1 &
  server_pid=$!
  for _ in $(seq 100); do
    dig @127.0.0.1 -p "$port" +tries=1 +time=1 +short "worker$2.tf.local." 2>/dev/null | grep -q '^10' && return 0
    sleep 0.1
  done
  echo "run.sh: $1 does not answer; see $out/$1.log" >&2
  exit 1
}

available() {
  for server in ${SERVERS:-floor idetcd knot nsd}; do
    case $server in
      knot) command -v knotd > /dev/null || continue ;;
      nsd) command -v nsd > /dev/null || continue ;;
    esac
    echo "$server"
  done
}

# field NAME LINE: the number behind the word.
field() { awk -v name="$1" '{ for (i = 1; i < NF; i++) if ($i == name) print $(i + 1) }' <<< "$2"; }

one_run() { # SERVER NAMES FILE EDNS
  start "$1" "$2"
  local flags=() line
  [[ $4 == yes ]] && flags=(--edns)
  [[ -n ${RATE:-} ]] && flags+=(--rate "$RATE")
  line=$(taskset -c "$load_cores" "$tools/dnsblast" --port "$port" --names "$3" --seconds "$seconds" \
         --window "${WINDOW:-64}" --sockets "${SOCKETS:-16}" --pid "$server_pid" "${flags[@]}" || true)
  stop_server
  echo "$1 $(field server_cpu_us_per_query "$line") $(field qps "$line") $(field p99 "$line")" \
       "$(field server_rss_kb "$line") $(field lost "$line") $(field bad "$line")"
}

# Medians by server of the lines of one_run; the first server is the unit.
table() {
  sort -s -k1,1 | awk '
    function median(list, n,   i, j, t, a) {
      split(list, a, " ")
      for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++) if (a[j] + 0 < a[i] + 0) { t = a[i]; a[i] = a[j]; a[j] = t }
      return a[int((n + 1) / 2)]
    }
    { n[$1]++; for (f = 2; f <= 5; f++) v[$1, f] = v[$1, f] " " $f; lost[$1] += $6; bad[$1] += $7 }
    END {
      printf "%-8s %12s %8s %12s %10s %10s %8s %6s\n", "server", "cpu us/query", "x floor", "queries/s", "p99 us", "RSS MB", "lost", "bad"
      split("floor idetcd library knot nsd", order, " ")
      for (k = 1; k <= 5; k++) {
        s = order[k]
        if (!n[s]) continue
        cpu = median(v[s, 2], n[s])
        if (s == "floor") unit = cpu
        printf "%-8s %12.3f %8s %12d %10d %10.1f %8d %6d\n", s, cpu, unit ? sprintf("%.2f", cpu / unit) : "-",
               median(v[s, 3], n[s]), median(v[s, 4], n[s]), median(v[s, 5], n[s]) / 1024, lost[s], bad[s]
      }
    }'
}

mix_in_words() {
  case $1 in
    a) echo "A only" ;;
    aaaa) echo "AAAA only" ;;
    nx) echo "NXDOMAIN only" ;;
    mix) echo "half A, a quarter AAAA, a quarter NXDOMAIN" ;;
  esac
}

write_configs
mkdir -p "$out/knot-db"
for names in ${NAMES:-1000 100000}; do
  zone_file "$names"
  stop_etcd
  if [[ $(available) == *idetcd* ]]; then
    start_etcd "$build" "$names"
    taskset -a -cp "$load_cores" "$etcd_pid" > /dev/null
  fi
  for mix in ${MIXES:-a mix}; do
    questions "$names" "$mix" "$out/questions"
    for edns in ${EDNS:-no yes}; do
      echo "== $names names, $(mix_in_words "$mix"), EDNS: $edns"
      for _ in $(seq "$rounds"); do
        for server in $(available); do one_run "$server" "$names" "$out/questions" "$edns"; done
      done | table
    done
  done
done
