#!/bin/bash
# exec_rounds.sh [BUILD-DIR [ROUNDS [LANES]]]: a command under `idetcd exec` loses its name, in ROUNDS rounds
# (16) over all ways of losing it and of not wanting to end, LANES (4) at a time, each with an etcd of its
# own. Whatever the command started tells every 10 ms that it lives, and so does the next owner's. Ends with 1 if
# one of the old lived when one of the new did, or if the next owner never came.
set -uo pipefail
build=${1:-build/dev}
rounds=${2:-16}
lanes=${3:-4}
ttl=3
idetcd=$build/apps/idetcd/idetcd
folder=$(mktemp -d)
trap 'trap - EXIT; kill $(jobs -p) 2>/dev/null; wait; rm -rf "$folder"' EXIT

ways=("etcd is stopped for longer than a lease lives" "exec is killed" "exec is stopped"
  "exec is asked to end, and killed when its command does not")
kinds=("ignores SIGTERM" "forks, and its parent ends" "leaves its session" "leaves its process group, ignoring SIGTERM")

# What the command runs: `beat` lives until it is killed and ignores what it can.
cat > "$folder/beat" << 'END'
#!/bin/bash
trap '' TERM HUP INT
while :; do echo "$IDETCD_TOKEN $EPOCHREALTIME"; sleep 0.01; done >> "$1"
END
cat > "$folder/command" << 'END'
#!/bin/bash
# command BEAT FILE KIND
case $3 in
  0) trap '' TERM; "$1" "$2" ;;
  1) ("$1" "$2" &) ; sleep 600 ;;
  2) setsid "$1" "$2" & sleep 600 ;;
  3) trap '' TERM; set -m; "$1" "$2" & set +m; wait ;;
esac
END
chmod +x "$folder/beat" "$folder/command"

# start_etcd LANE: sets `url` and `etcd`.
start_etcd() {
  local try
  for try in 1 2 3 4 5 6 7 8; do
    local port=$((20000 + RANDOM % 10000))
    url=http://127.0.0.1:$port
    etcd --name="rounds-$$-$1" --data-dir="$folder/data-$1-$try" --listen-client-urls="$url" --advertise-client-urls="$url" \
      --listen-peer-urls="http://127.0.0.1:$((port + 10000))" --log-level=error > "$folder/etcd-$1.log" 2>&1 &
    etcd=$!
    until (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null; do
      kill -0 "$etcd" 2> /dev/null || continue 2
      sleep 0.05
    done
    return 0
  done
  cat "$folder/etcd-$1.log"
  return 1
}

# hold FILE KIND: an exec that waits for the pool's one name; its process id in `held`.
hold() {
  "$idetcd" exec --endpoints "$url" --pattern 'round{{.ID}}.tf.local.' --limit 1 --ttl "${ttl}s" --on-full wait -- \
    "$folder/command" "$folder/beat" "$1" "$2" 2>> "$1.log" &
  held=$!
}

# within SECONDS FILE COUNT: whether as many owners have told that they live.
within() {
  local until=$((SECONDS + $1))
  while ((SECONDS < until)); do
    [[ -s $2 ]] && (($(cut -d' ' -f1 "$2" | sort -u | wc -l) >= $3)) && return 0
    sleep 0.05
  done
  return 1
}

# one ROUND LANE: prints what went wrong; false if something did.
one() {
  local way=$(($1 % 4)) kind=$(($1 / 4 % 4)) file=$folder/round-$1 first second
  : > "$file"
  hold "$file" $kind
  first=$held
  within 20 "$file" 1 || { echo "round $1: the first never got the name"; cat "$file.log"; return 1; }
  hold "$file" $kind
  second=$held
  sleep 1
  case $way in
    0) kill -STOP "$etcd"; sleep $((ttl + 2)); kill -CONT "$etcd" ;;
    1) kill -KILL "$first" ;;
    2) kill -STOP "$first" ;;
    3) kill -TERM "$first"; sleep 1; kill -KILL "$first" 2> /dev/null ;;
  esac
  # With etcd stopped both may have ended: whoever comes next shows it.
  if ((way == 0)); then hold "$file" $kind; fi
  local third=$held came=0
  within 30 "$file" 2 && came=1
  sleep 0.5
  kill -CONT "$first" 2> /dev/null
  kill -KILL "$first" "$second" "$third" 2> /dev/null
  sleep 0.5
  ((came == 1)) || { echo "round $1 (${ways[way]}; ${kinds[kind]}): nobody came next"; cat "$file.log"; return 1; }
  awk -v round="$1 (${ways[way]}; ${kinds[kind]})" '
    { if (!($1 in first) || $2 < first[$1]) first[$1] = $2; if ($2 > last[$1]) last[$1] = $2 }
    END {
      for (old in first) for (new in first) if (first[new] > first[old] && last[old] > first[new]) {
        printf "round %s: the old one lived for %.3f s beside the new one\n", round, last[old] - first[new]; bad = 1
      }
      exit bad
    }' "$file"
}

lane() {
  local round failed=0
  start_etcd "$1" || return 1
  for ((round = $1; round < rounds; round += lanes)); do
    one $round "$1" || failed=1
    # The guards have ended what was left; the next round has the name to itself.
    sleep $((ttl + 1))
  done
  kill "$etcd"
  return $failed
}

failed=0
pids=()
for ((i = 0; i < lanes; ++i)); do lane $i 2> /dev/null & pids+=($!); done  # bash tells of each process that was killed
for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
echo "$rounds rounds: $( ((failed == 0)) && echo "nothing of an old owner lived beside a new one" || echo "failed")"
exit $failed
