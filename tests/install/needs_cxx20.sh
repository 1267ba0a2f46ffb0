#!/bin/sh
# needs_cxx20.sh COMPILER INCLUDE-DIR...: whoever includes any public header as C++17 reads in the first
# line that C++20 is needed.
. "$(dirname "$0")/public_headers.sh"

for name in $headers; do
  test "$name" = idetcd/version.h && continue  # macros only
  # shellcheck disable=SC2086 # flags are several words
  first=$(echo "#include <$name>" | "$compiler" -std=c++17 $flags -x c++ -fsyntax-only - 2>&1 |
    grep error | head -n 1)
  case $first in
    *"idetcd needs C++20"*) echo "$name: $first" ;;
    *) echo "$name as C++17: ${first:-accepted}"; exit 1 ;;
  esac
done
