#!/bin/sh
# readme.sh SOURCE-DIR: the README's program and Corefile are the files of examples/, and its links lead somewhere.
set -eu
cd "$1"
# block FENCE: the text of the first block that begins with this line.
block() { awk -v fence="$1" '$0 == fence && !seen {inside = seen = 1; next} /^```/ {inside = 0} inside' README.md; }
block '```cpp' | diff - examples/worker.cc
block '```corefile' | diff - examples/Corefile
for path in $(grep -o '](\([^)]*\))' README.md | sed 's/](\(.*\))/\1/' | grep -v '^http'); do
  test -e "$path" || { echo "README.md links to $path, which is not there"; exit 1; }
done
