#!/bin/sh
# Guess: `ip -json address show scope link` lists only the addresses of that scope.
#
# iproute2 6.1.0 (Debian 12): the text output omits the other addresses of a link, but the JSON output keeps an empty
# object in `addr_info` for each of them. A program that takes the first element, or counts the elements, is wrong.
#
# Needs Debian's apt-get and dpkg, python3 to read JSON, and unprivileged user namespaces or root.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq iproute2=6.1.0-3 libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1 libmnl0=1.0.4-3
for package in ./*.deb; do dpkg -x "$package" root; done
LD_LIBRARY_PATH=$(dirname "$(find "$dir/root" -name 'libmnl.so.0')")
export LD_LIBRARY_PATH

unshare --user --map-root-user --net sh -eu <<'SH'
ip=$(find root -name ip -path '*bin/ip' | head -n 1)
$ip -Version
$ip link add demo0 type veth peer name demo1
$ip link set demo0 up
$ip address add 192.0.2.1/24 dev demo0
$ip address add 2001:db8::1/64 dev demo0 nodad
$ip address add fe80::1/64 dev demo0 nodad
echo 'text:'
$ip address show dev demo0 scope link | grep inet
echo 'JSON:'
$ip -json address show dev demo0 scope link >addresses.json
python3 - <<'PY'
import json
addresses = json.load(open("addresses.json"))[0]["addr_info"]
print([one.get("local", one) for one in addresses])
empty = [one for one in addresses if one == {}]
raise SystemExit(0 if len(empty) == 2 else "changed: %d empty objects" % len(empty))
PY
SH
echo 'as described: each address that the filter omits leaves an empty object'
# Output seen:
#   ip utility, iproute2-6.1.0, libbpf 1.1.2
#   text:
#       inet6 fe80::1/64 scope link nodad
#   JSON:
#   [{}, {}, 'fe80::1']
