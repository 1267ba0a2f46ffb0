#!/bin/sh
# headers_alone.sh COMPILER INCLUDE-DIR...: every public header compiles as the only include of a file,
# and what it pulls in is the standard library and other headers of ours.
. "$(dirname "$0")/public_headers.sh"

for name in $headers; do
  # shellcheck disable=SC2086 # flags are several words
  echo "#include <$name>" | "$compiler" -std=c++20 -Wall -Wextra -Werror $flags -x c++ -c -o /dev/null - ||
    { echo "$name does not compile alone"; exit 1; }
  # shellcheck disable=SC2086
  if echo "#include <$name>" | "$compiler" -std=c++20 $flags -x c++ -M - | tr ' ' '\n' |
      grep -E '/(grpc|grpcpp|google/protobuf|ldns|fmt|nlohmann|spdlog|CLI|absl|prometheus)/'; then
    echo "$name includes somebody else's header"
    exit 1
  fi
  echo "$name: compiles alone"
done
