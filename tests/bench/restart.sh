#!/bin/sh
# restart.sh [BUILD-DIR [RESTARTS]]: a daemon with a state file is killed (SIGKILL) and started again,
# 100 times, while another daemon is asked for its name every 5 ms. Each time the same name, and never
# a moment without it.
set -eu
build=${1:-build/release}
IDETCD_TEST_RESTARTS=${2:-100} "$build/tests/integration/integration_resolver" "[restart]" --durations yes
