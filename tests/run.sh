#!/bin/sh
# Builds idetcd and runs its tests, from a fresh clone on Debian 12, with nothing prepared.
set -eu

usage() {
  cat <<'TEXT'
usage: tests/run.sh [option...]
  --format    clang-format's opinion
  --tests     every test; also what is done when nothing is asked for
  --asan      unit and integration tests under the address and undefined-behaviour sanitizers
  --tsan      unit and integration tests under the thread sanitizer
  --fuzz      each fuzz target for 60 s (IDETCD_FUZZ_SECONDS) with clang's libFuzzer
  --peers     the daemon beside other resolvers (tests/peers), on a build of --tests; a peer that is missing is named
  --tidy      the format, and clang-tidy's opinion on the library and the programs
  --all       every test, then --asan and --tsan
  --label L   only the tests with this label: unit, integration, fault, fuzz, install
Several may be given; they run in the order above. IDETCD_TEST_ENDPOINTS names an etcd to use
instead of the one that the tests start for themselves (tests/compose.yaml starts one).
TEXT
}

plain= asan= tsan= fuzz= peers= format= tidy= label=
while [ $# -gt 0 ]; do
  case $1 in
    --tests) plain=1 ;;
    --asan) asan=1 ;;
    --tsan) tsan=1 ;;
    --fuzz) fuzz=1 ;;
    --peers) peers=1 ;;
    --format) format=1 ;;
    --tidy) format=1 tidy=1 ;;
    --all) plain=1 asan=1 tsan=1 ;;
    --label) plain=1 label=${2:?--label needs a name}; shift ;;
    --help | -h) usage; exit 0 ;;
    *) usage >&2; exit 64 ;;
  esac
  shift
done
test -n "$asan$tsan$fuzz$peers$format$tidy" || plain=1

cd "$(dirname "$0")/.."
tests/install_packages.sh build run test ${fuzz:+fuzz} ${peers:+peers} ${format:+format} ${tidy:+tidy fuzz}

launcher=
if command -v ccache >/dev/null; then launcher=-DCMAKE_CXX_COMPILER_LAUNCHER=ccache; fi
summary=$(mktemp)
trap 'rm -f "$summary"' EXIT
failed=0

# step NAME COMMAND...: runs it, notes the outcome and the time, goes on.
step() {
  name=$1
  shift
  echo "== $name"
  begin=$(date +%s)
  if "$@"; then outcome=ok; else outcome=FAILED failed=1; fi
  printf '%-28s %-7s %4d s\n' "$name" "$outcome" $(($(date +%s) - begin)) >>"$summary"
  test $outcome = ok
}

# build PRESET [TARGET...]: configures and builds.
build() {
  preset=$1
  shift
  # shellcheck disable=SC2086 # none or one word
  cmake --preset "$preset" $launcher >/dev/null && cmake --build --preset "$preset" ${1:+--target "$@"}
}

# Most tests wait for processes and timers more than for the processor.
run_tests() {
  preset=$1
  shift
  ctest --preset "$preset" --parallel "$(($(nproc) * 2))" --no-tests=error "$@"
}

fuzz_each() {
  for target in build/fuzz/tests/fuzz/*_fuzz; do
    corpus=tests/fuzz/corpus/$(basename "$target" _fuzz)
    found=$(mktemp -d)
    echo "$target"
    "$target" -max_total_time="${IDETCD_FUZZ_SECONDS:-60}" -print_final_stats=1 -verbosity=0 \
      -artifact_prefix="$found/" "$found" "$corpus" || { echo "the input is in $found" && return 1; }
    rm -rf "$found"
  done
}

check_format() {
  find lib apps tests examples -name '*.cc' -o -name '*.h' | xargs clang-format --dry-run -Werror
}

if [ -n "$format" ]; then step "format" check_format || true; fi  # first: it takes seconds
if [ -n "$plain" ]; then
  step "build" build dev && step "tests${label:+ ($label)}" run_tests dev ${label:+-L "^$label\$"} || true
fi
for sanitizer in ${asan:+asan} ${tsan:+tsan}; do
  step "build $sanitizer" build $sanitizer tests/unit/all tests/integration/all &&
    step "tests $sanitizer" run_tests $sanitizer -L '^(unit|integration)$' || true
done
if [ -n "$fuzz" ]; then step "build fuzz" build fuzz tests/fuzz/all && step "fuzz" fuzz_each || true; fi
if [ -n "$peers" ]; then
  step "build" build dev && for script in tests/peers/*.sh; do step "$(basename "$script")" "$script" build/dev || true; done
fi
if [ -n "$tidy" ]; then step "tidy" build tidy || true; fi

echo
cat "$summary"
exit $failed
