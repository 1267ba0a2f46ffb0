#!/bin/bash
# From start to ready: idetcd-resolver over many records in a real etcd.
#
#   tests/bench/dns/start.sh [BUILD=build/release] [NAMES=100000] [RUNS=5]
#
# Each run starts the daemon and tells when the first right answer came, when /ready said
# so, and what memory it then holds. The parts are not pinned: etcd has work in it too.
set -euo pipefail

build=${1:-build/release}
names=${2:-100000}
runs=${3:-5}
. "$(dirname "$0")/etcd.sh"
dns=${PORT:-5353}
http=${METRICS_PORT:-9153}

milliseconds() { echo $(($(date +%s%N) / 1000000)); }

trap stop_etcd EXIT
start_etcd "$build" "$names"
for run in $(seq "$runs"); do
  begin=$(milliseconds)
  "$build/apps/idetcd-resolver/idetcd-resolver" --no-claim --endpoints "$etcd" --limit "$names" \
    --pattern 'worker{{.ID}}.tf.local.' --listen "127.0.0.1:$dns" --metrics "127.0.0.1:$http" \
    --log-level error > "$etcd_folder/daemon.log" 2>&1 &
  daemon=$!
  until dig @127.0.0.1 -p "$dns" +tries=1 +time=1 +short "worker$names.tf.local." 2> /dev/null | grep -q '^10'; do
    kill -0 "$daemon" || { cat "$etcd_folder/daemon.log"; exit 1; }
  done
  answer=$(milliseconds)
  until [[ $(curl -s "http://127.0.0.1:$http/ready") == READY ]]; do sleep 0.005; done
  ready=$(milliseconds)
  memory=$(awk '/^VmRSS/ { now = $2 } /^VmHWM/ { most = $2 } END { printf "%.1f MB, %.1f at most", now / 1000, most / 1000 }' \
           "/proc/$daemon/status")
  echo "run $run: first right answer after $((answer - begin)) ms, ready after $((ready - begin)) ms; resident $memory"
  kill "$daemon"
  wait "$daemon" || true
done
