# Read by headers_alone.sh and needs_cxx20.sh with their arguments, COMPILER INCLUDE-DIR...: sets
# $compiler, $flags and $headers, every public header as it is included.
# shellcheck shell=sh disable=SC2034 # the reader uses them
set -eu
compiler=$1
shift
flags=
headers=
for dir in "$@"; do
  flags="$flags -I$dir"
  for header in "$dir"/idetcd/*.h; do headers="$headers idetcd/$(basename "$header")"; done
done
