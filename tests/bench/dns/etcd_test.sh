#!/bin/bash
# A port that somebody's etcd has is passed over, and nothing is loaded into that etcd.
set -euo pipefail
. "$(dirname "$0")/etcd.sh"

folder=$(mktemp -d)
other= other_pid= other_folder=
end() {
  stop_etcd
  etcd_pid=$other_pid etcd_folder=$other_folder
  stop_etcd
  rm -rf "$folder"
}
trap end EXIT

mkdir -p "$folder/tests/bench/dns"
printf '#!/bin/sh\necho "$1" > %s/loaded\n' "$folder" > "$folder/tests/bench/dns/load_records"
chmod +x "$folder/tests/bench/dns/load_records"

start_etcd "$folder" 1
other=$etcd other_pid=$etcd_pid other_folder=$etcd_folder
etcd_pid=

# The other's port comes first.
random_port() {
  if [[ ! -e $folder/asked ]]; then
    touch "$folder/asked"
    echo "${other##*:}"
  else
    echo $((20000 + RANDOM % 10000))
  fi
}
start_etcd "$folder" 1
[[ $etcd != "$other" && $(< "$folder/loaded") == "$etcd" ]] || { echo "loaded into $(< "$folder/loaded"), which is $other"; exit 1; }
