#!/bin/bash
# How long a resolver is behind when every name goes in one revision (`etcdctl del --prefix`).
#
#   tests/bench/dns/mass_delete.sh [BUILD=build/release] [NAMES=100000] [WATCHERS=1]
#
# Tells for each resolver when it answered NXDOMAIN for the last name, counted from etcd's reply
# to the deletion, what its metrics said of that while it was behind, and the processor's time that
# etcd spent from the deletion on.
set -euo pipefail

build=${1:-build/release}
names=${2:-100000}
watchers=${3:-1}
. "$(dirname "$0")/etcd.sh"
folder=$(mktemp -d)
daemons=()
trap 'for pid in "${daemons[@]}"; do kill "$pid" 2> /dev/null || true; done; stop_etcd; rm -rf "$folder"' EXIT

milliseconds() { echo $(($(date +%s%N) / 1000000)); }
etcd_ticks() { awk '{ print $14 + $15 }' "/proc/$etcd_pid/stat"; }
rcode() { dig @127.0.0.1 -p "$1" +tries=1 +time=1 "worker$names.tf.local." 2> /dev/null | sed -n 's/.*status: \([A-Z]*\),.*/\1/p'; }
metric() { curl -s "http://127.0.0.1:$1/metrics" | awk -v name="$2" 'index($1, name) == 1 { print $2; exit }'; }

# port_of LOG WORD: the port behind 127.0.0.1: in the line with WORD.
port_of() { sed -n "s/.*$2.*127\.0\.0\.1:\([0-9]*\).*/\1/p" "$1" | head -1; }

start_etcd "$build" "$names"
dns=()
http=()
for ((i = 0; i < watchers; ++i)); do
  http+=("$(random_port)")
  : > "$folder/$i"
  "$build/apps/idetcd-resolver/idetcd-resolver" --no-claim --endpoints "$etcd" --limit "$names" \
    --pattern 'worker{{.ID}}.tf.local.' --listen 127.0.0.1:0 --metrics "127.0.0.1:${http[i]}" > "$folder/$i" 2>&1 &
  daemons+=($!)
  until [[ -n $(port_of "$folder/$i" serving) ]]; do kill -0 "${daemons[i]}"; sleep 0.05; done
  dns+=("$(port_of "$folder/$i" serving)")
  until [[ $(rcode "${dns[i]}") == NOERROR ]]; do sleep 0.05; done
done

before=$(etcd_ticks)
sent=$(milliseconds)
ETCDCTL_API=3 etcdctl --endpoints "$etcd" --command-timeout=60s del --prefix worker > /dev/null
begin=$(milliseconds)
echo "etcd deleted $names records in $((begin - sent)) ms"

# follow INDEX: until its resolver knows.
follow() {
  local worst=0 behind live=1
  until [[ $(rcode "${dns[$1]}") == NXDOMAIN ]]; do
    behind=$(metric "${http[$1]}" idetcd_etcd_behind_seconds)
    live=$(metric "${http[$1]}" idetcd_etcd_live)
    worst=$(awk -v a="$worst" -v b="${behind:-0}" 'BEGIN { print (a > b ? a : b) }')
    (($(milliseconds) - begin < 120000)) || break
  done
  echo "resolver $1: knows after $(($(milliseconds) - begin)) ms; behind_seconds rose to $worst, etcd_live was ${live:-none} last"
}
for ((i = 0; i < watchers; ++i)); do follow $i & done
wait $(jobs -p | tail -n "$watchers")
sleep 1
echo "etcd's processor time since: $((($(etcd_ticks) - before) * 10)) ms"
