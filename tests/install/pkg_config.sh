#!/bin/sh
# pkg_config.sh COMPILER INSTALLED-LIBDIR WORK-DIR: a stranger's program by the compiler and pkg-config
# alone, with the shared library and with the archive.
set -eu
compiler=$1 libdir=$2 work=$3
source=$(dirname "$0")/stranger/main.cc
export PKG_CONFIG_PATH="$libdir/pkgconfig"
mkdir -p "$work"

# The shared library needs no other package: not even the .pc files of gRPC.
# shellcheck disable=SC2046 # several words each
"$compiler" -std=c++20 "$source" -o "$work/shared" \
  $(PKG_CONFIG_LIBDIR="$libdir/pkgconfig" pkg-config --cflags --libs idetcd)
LD_LIBRARY_PATH=$libdir "$work/shared"

# shellcheck disable=SC2046
"$compiler" -std=c++20 "$source" -o "$work/static" $(pkg-config --cflags --libs idetcd-static)
if readelf --dynamic "$work/static" | grep libidetcd; then exit 1; fi
"$work/static"
