#!/bin/sh
# exported_symbols.sh LIBRARY: the shared library shows idetcd:: and nothing else, and depends on the
# lite protobuf alone (two full ones in a process abort when they are loaded).
set -eu
symbols=$(nm --dynamic --defined-only --demangle "$1" | cut -d' ' -f3-)
test -n "$symbols"
if echo "$symbols" | grep -vE '^((non-virtual thunk to|typeinfo for|typeinfo name for|vtable for) )?idetcd::'; then
  echo "these symbols of $1 are not ours to show"
  exit 1
fi
if readelf --dynamic --wide "$1" | grep 'NEEDED.*libprotobuf\.so'; then
  echo "$1 is linked with the full protobuf"
  exit 1
fi
# Until 1.0 the minor version breaks the binary interface.
readelf --dynamic --wide "$1" | grep 'SONAME.*\[libidetcd\.so\.[0-9]*\.[0-9]*\]'
echo "$symbols" | wc -l | sed 's/$/ symbols, all idetcd::/'
