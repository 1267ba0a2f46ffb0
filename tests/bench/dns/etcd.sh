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

# A port below the range of outgoing connections; it may be in use.
random_port() { echo $((20000 + RANDOM % 10000)); }

# try_etcd NAME: false if the etcd has ended, e.g. because somebody has one of its ports. The
# name is how we know that the etcd which answers is ours.
try_etcd() {
  etcd=http://127.0.0.1:$(random_port)
  etcd_folder=$(mktemp -d)
  command etcd --name="$1" --data-dir="$etcd_folder/data" --listen-client-urls="$etcd" --advertise-client-urls="$etcd" \
    --listen-peer-urls="http://127.0.0.1:$(random_port)" --log-level=error > "$etcd_folder/etcd.log" 2>&1 &
  etcd_pid=$!
  until curl -s -d '{}' "$etcd/v3/cluster/member/list" | grep -qF "\"name\":\"$1\""; do
    kill -0 "$etcd_pid" 2> /dev/null || return 1
    sleep 0.05
  done
}

# start_etcd BUILD NAMES: sets `etcd` to its address; worker1 .. workerNAMES are in it.
start_etcd() {
  local attempt
  for attempt in {1..10}; do
    try_etcd "bench-$$-$RANDOM" && break
    [[ $attempt -lt 10 ]] || { cat "$etcd_folder/etcd.log"; exit 1; }
    stop_etcd
  done
  "$1/tests/bench/dns/load_records" "$etcd" "$2"
}
