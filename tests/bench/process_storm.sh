#!/bin/bash
# process_storm.sh [BUILD-DIR [N]]: N processes (`idetcd exec`, 300) started at once against an etcd of
# their own, limit N. Says how long until the last one has its name; ends with 1 unless the names are
# worker1..workerN, each once, and nobody lost one. All of it runs on this machine: with N beyond some
# 400 a core, starting the processes leaves etcd no time to answer.
set -euo pipefail
build=${1:-build/release}
nodes=${2:-300}
folder=$(mktemp -d)
etcd=
processes=()

cleanup() {
  ((${#processes[@]} == 0)) || kill "${processes[@]}" 2>/dev/null || true
  [[ -z $etcd ]] || { kill "$etcd" 2>/dev/null || true; }
  wait || true
  rm -rf "$folder"
}
trap cleanup EXIT

port=$((20000 + RANDOM % 10000))
client=http://127.0.0.1:$port peer=http://127.0.0.1:$((port + 1))
etcd --data-dir "$folder/data" --listen-client-urls "$client" --advertise-client-urls "$client" \
  --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" --initial-cluster "default=$peer" \
  >"$folder/etcd.log" 2>&1 &
etcd=$!
until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
  kill -0 "$etcd" 2>/dev/null || { cat "$folder/etcd.log"; exit 71; }
  sleep 0.1
done

mkdir "$folder/out" "$folder/log"
begin=$(date +%s%N)
for ((node = 1; node <= nodes; ++node)); do
  "$build/apps/idetcd/idetcd" exec --endpoints "$client" --limit "$nodes" --pattern 'worker{{.ID}}.tf.local.' \
    -- sh -c 'echo $IDETCD_SLOT; exec sleep 600' >"$folder/out/$node" 2>"$folder/log/$node" &
  processes+=($!)
done
started=$(date +%s%N)
for ((tries = 0; tries < 1200; ++tries)); do
  owners=$(cat "$folder"/out/* | wc -l)
  ((owners < nodes)) || break
  sleep 0.1
done
end=$(date +%s%N)

distinct=$(cat "$folder"/out/* | sort -nu | wc -l)
highest=$(cat "$folder"/out/* | sort -n | tail -1)
lost=$(cat "$folder"/log/* | grep -c ' is lost' || true)
printf '%d processes, started in %d ms: the last one had its name after %d ms; %d names, highest %d, lost %d\n' \
  "$nodes" $(((started - begin) / 1000000)) $(((end - begin) / 1000000)) "$distinct" "$highest" "$lost"
((distinct == nodes && highest == nodes && lost == 0))
