# Sourced: an etcd of our own with records in it. Whoever starts it stops it, in a trap.

etcd=
etcd_folder=
etcd_pid=

stop_etcd() {
  [[ -n $etcd_pid ]] || return 0
  kill "$etcd_pid" 2> /dev/null || true
  wait "$etcd_pid" 2> /dev/null || true
  rm -rf "$etcd_folder"
  etcd_pid=
}

# start_etcd BUILD NAMES: sets `etcd` to its address; worker1 .. workerNAMES are in it.
start_etcd() {
  local port=${ETCD_PORT:-23790}
  etcd=http://127.0.0.1:$port
  etcd_folder=$(mktemp -d)
  command etcd --data-dir="$etcd_folder/data" --listen-client-urls="$etcd" --advertise-client-urls="$etcd" \
    --listen-peer-urls="http://127.0.0.1:$((port + 1))" --log-level=error > "$etcd_folder/etcd.log" 2>&1 &
  etcd_pid=$!
  until [[ $(curl -s "$etcd/health") == *true* ]]; do
    kill -0 "$etcd_pid" || { cat "$etcd_folder/etcd.log"; exit 1; }
    sleep 0.05
  done
  "$1/tests/bench/dns/load_records" "$etcd" "$2"
}
