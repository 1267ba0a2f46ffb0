#!/bin/sh
# readme.sh SOURCE-DIR: the README's program and Corefile are the files of examples/, and its links lead somewhere.
set -eu
cd "$1"
# block FENCE: the text of the first block that begins with this line.
block() { awk -v fence="$1" '$0 == fence && !seen {inside = seen = 1; next} /^```/ {inside = 0} inside' README.md; }
block '```cpp' | diff - examples/worker.cc
block '```corefile' | diff - examples/Corefile
# has_heading ANCHOR: as a page that shows the README makes anchors of its headings.
has_heading() { sed -n 's/^##* //p' README.md | tr 'A-Z ' 'a-z-' | tr -cd 'a-z0-9\n-' | grep -qx -e "$1"; }
for path in $(grep -o '](\([^)]*\))' README.md | sed 's/](\(.*\))/\1/' | grep -v '^http'); do
  case $path in
    '#'*) has_heading "${path#?}" ;;
    *) test -e "$path" ;;
  esac || { echo "README.md links to $path, which is not there"; exit 1; }
done
