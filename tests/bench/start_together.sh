#!/bin/sh
# start_together.sh [BUILD-DIR [RUNS]]: 40 resolvers started at once on one etcd, limit 40, and 41 at
# limit 40, again and again. Each run must give 40 different names, worker1..worker40, with no retry to
# be seen, and exactly one refusal of the 41. Ends at the first run that does not.
set -eu
build=${1:-build/release}
runs=${2:-20}
for run in $(seq "$runs"); do
  report=$("$build/tests/integration/integration_resolver" "[start-together]" --durations yes) || {
    echo "$report"
    exit 1
  }
  echo "$report" | sed -n "s/^\([0-9.]* s\): /run $run: \1  /p"
done
echo "$runs of $runs runs as they should be"
