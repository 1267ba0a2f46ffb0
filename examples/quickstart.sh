#!/bin/sh
# From a fresh clone on Debian 12 to five nodes with five names: installs what is missing, builds, and
# runs the demo. Arguments go to the demo, for instance --nodes 8.
set -eu
cd "$(dirname "$0")/.."
tests/install_packages.sh build run

launcher=
if command -v ccache >/dev/null; then launcher=-DCMAKE_CXX_COMPILER_LAUNCHER=ccache; fi
# shellcheck disable=SC2086 # none or one word
cmake --preset release -B build/quickstart -DIDETCD_BUILD_TESTS=OFF $launcher >/dev/null
cmake --build build/quickstart
exec build/quickstart/apps/idetcd/idetcd demo "$@"
