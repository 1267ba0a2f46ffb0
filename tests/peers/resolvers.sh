#!/bin/bash
# The snippets of examples/resolvers in the resolvers they are for: each, where it is installed, must answer a
# pool's name and its reverse name, with its checks of DNSSEC on, and see a name that changes.
#
#   tests/peers/resolvers.sh [BUILD=build/dev]
#
# Starts everything on free ports of 127.0.0.1 in a temporary folder, and ends what it started.
set -euo pipefail

build=$(realpath "${1:-build/dev}")
snippets=$(realpath "$(dirname "$0")/../../examples/resolvers")
folder=$(mktemp -d)
chmod 755 "$folder"
started=()
failed=0

end_all() {
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${started[@]}"; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$folder"
}
trap end_all EXIT

free_ports() {
  python3 - "$1" <<'PY'
import socket, sys
held = []
while len(held) < int(sys.argv[1]):
    tcp, udp = socket.socket(), socket.socket(type=socket.SOCK_DGRAM)
    tcp.bind(("127.0.0.1", 0))
    try:
        udp.bind(("127.0.0.1", tcp.getsockname()[1]))
        held.append((tcp, udp))
    except OSError:
        pass
print(*[tcp.getsockname()[1] for tcp, udp in held])
PY
}

# until TEXT COMMAND...: its first line is TEXT within 20 s.
until_says() {
  local wanted=$1 said=
  shift
  for _ in $(seq 200); do
    said=$("$@" 2>/dev/null | head -1)
    [[ $said == "$wanted" ]] && return 0
    sleep 0.1
  done
  echo "  $*: \"$said\" instead of \"$wanted\"" >&2
  return 1
}

ask() { dig +short +tries=1 +time=2 @127.0.0.1 -p "$1" "${@:2}"; }

read -r etcd_port peer_port node_port unbound_port dnsmasq_port named_port < <(free_ports 6)
etcd --data-dir "$folder/etcd" --log-level error --listen-client-urls "http://127.0.0.1:$etcd_port" \
  --advertise-client-urls "http://127.0.0.1:$etcd_port" --listen-peer-urls "http://127.0.0.1:$peer_port" 2>/dev/null &
started+=($!)
"$build/apps/idetcd-resolver/idetcd-resolver" --endpoints "http://127.0.0.1:$etcd_port" --pattern 'worker{{.ID}}.tf.local.' \
  --limit 9 --advertise 10.0.0.7 --reverse 10.0.0.0/8 --listen "127.0.0.1:$node_port" 2>"$folder/node.log" &
started+=($!)
until_says 10.0.0.7 ask "$node_port" worker1.tf.local

snippet() { sed "s/1053/$node_port/" "$snippets/$1"; }

# check NAME PORT
check() {
  if until_says 10.0.0.7 ask "$2" worker1.tf.local && until_says worker1.tf.local. ask "$2" -x 10.0.0.7 &&
    [[ $(dig @127.0.0.1 -p "$2" worker8.tf.local | grep -c "status: NXDOMAIN") == 1 ]]; then
    echo "ok    $1: the name, its reverse, and NXDOMAIN"
  else
    echo "FAIL  $1"
    failed=1
  fi
}

skip() { echo "skip  $1: not installed"; }

if command -v unbound >/dev/null; then
  {
    printf 'server:\n  interface: 127.0.0.1@%s\n  username: ""\n  chroot: ""\n  directory: "%s"\n' "$unbound_port" "$folder"
    printf '  pidfile: ""\n  use-syslog: no\n  val-permissive-mode: no\n  module-config: "validator iterator"\n'
    printf '  trust-anchor: ". DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"\n'
    printf 'remote-control:\n  control-enable: no\n'
    snippet unbound.conf
  } >"$folder/unbound.conf"
  unbound -d -c "$folder/unbound.conf" 2>"$folder/unbound.log" &
  started+=($!)
  check unbound "$unbound_port"
else
  skip unbound
fi

if command -v dnsmasq >/dev/null; then
  snippet dnsmasq.conf >"$folder/dnsmasq.conf"
  dnsmasq --keep-in-foreground --conf-file="$folder/dnsmasq.conf" --no-resolv --no-hosts --stop-dns-rebind --bogus-priv \
    --listen-address=127.0.0.1 --bind-interfaces --port="$dnsmasq_port" --pid-file= --user=root 2>"$folder/dnsmasq.log" &
  started+=($!)
  check dnsmasq "$dnsmasq_port"
else
  skip dnsmasq
fi

if command -v named >/dev/null; then
  {
    printf 'options { directory "%s"; listen-on port %s { 127.0.0.1; }; listen-on-v6 { none; }; pid-file none;\n' \
      "$folder" "$named_port"
    printf '  recursion yes; dnssec-validation yes; session-keyfile none;\n'
    printf '  validate-except { "tf.local"; "10.in-addr.arpa"; }; empty-zones-enable no; };\n'
    printf 'trust-anchors { . static-ds 20326 8 2 "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"; };\n'
    printf 'controls { };\n'
    snippet named.conf
  } >"$folder/named.conf"
  named -f -c "$folder/named.conf" 2>"$folder/named.log" &
  started+=($!)
  check named "$named_port"
else
  skip named
fi
exit $failed
