#!/bin/bash
# idetcd-resolver under a million questions, and then among peers that misbehave.
#
#   tests/bench/dns/abuse.sh [BUILD=build/release] [NAMES=1000] [ROUNDS=3]
#
# The daemon runs on core 0, everybody else on core 1. Tells its memory before and after
# the questions, and what dnsabuse's honest client feels in each round.
set -euo pipefail

build=${1:-build/release}
names=${2:-1000}
rounds=${3:-3}
. "$(dirname "$0")/etcd.sh"
port=${PORT:-5353}
tools=$build/tests/bench/dns
daemon=

stop_all() {
  if [[ -n $daemon ]]; then
    kill "$daemon" 2> /dev/null || true
    wait "$daemon" || true
  fi
  stop_etcd
}
trap stop_all EXIT

resident() { awk '/^VmRSS/ { print $2 }' "/proc/$daemon/status"; }

start_etcd "$build" "$names"
taskset -a -cp 1 "$etcd_pid" > /dev/null
taskset -c 0 "$build/apps/idetcd-resolver/idetcd-resolver" --no-claim --endpoints "$etcd" --limit "$names" \
  --pattern 'worker{{.ID}}.tf.local.' --listen "127.0.0.1:$port" --workers 1 --log-level error > /dev/null &
daemon=$!
until dig @127.0.0.1 -p "$port" +tries=1 +time=1 +short "worker$names.tf.local." 2> /dev/null | grep -q '^10'; do
  kill -0 "$daemon"
done
sleep 1

awk -v names="$names" 'BEGIN {
  srand(1)
  for (i = 0; i < 100000; i++) print (i % 4 == 3 ? "nobody" : "worker") int(rand() * names) + 1 ".tf.local. " (i % 4 == 2 ? "AAAA" : "A")
}' > "$etcd_folder/questions"
before=$(resident)
line=$(taskset -c 1 "$tools/dnsblast" --port "$port" --names "$etcd_folder/questions" --seconds 5)
echo "resident $before KB, after$(grep -o ' answered [0-9]*' <<< "$line") questions $(resident) KB"

for _ in $(seq "$rounds"); do
  taskset -c 1 "$tools/dnsabuse" --port "$port" --name worker7.tf.local --pid "$daemon" --seconds 5
done
