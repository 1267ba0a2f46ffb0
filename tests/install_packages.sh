#!/bin/sh
# install_packages.sh STAGE...: installs what packages.txt lists for these stages and is missing.
# Asks nothing; needs root or sudo only if something is missing.
set -eu
wanted=$(awk -v stages=" $* " 'index(stages, " " $1 " ") {print $2}' "$(dirname "$0")/packages.txt")
missing=
for package in $wanted; do
  status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
  test "$status" = installed || missing="$missing $package"
done
test -n "$missing" || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "these packages are missing, and only root can install them:$missing" >&2
    exit 1
  }
  as_root=sudo
fi
echo "installing:$missing"
# shellcheck disable=SC2086 # several words
$as_root env DEBIAN_FRONTEND=noninteractive sh -c '
  apt-get update -qq && exec apt-get install -y -qq --no-install-recommends "$@"' sh $missing
