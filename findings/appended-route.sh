#!/bin/sh
# Guess: `ip route append` adds a spare route behind the first one, in both families, and `ip route replace` replaces one route.
#
# Linux 6.18 does so for IPv4 only. IPv6 makes one route with two next hops of it and sends half of the connections to the
# second, which is to be up and right from the start. `replace` then removes both next hops, where that of IPv4 replaces
# the first route and leaves the second. A program that keeps a spare route needs another metric.
#
# Needs Debian's apt-get and dpkg, and unprivileged user namespaces or root.
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
uname -r
$ip link add pod0 type veth peer name node0
$ip link set pod0 up
$ip link set node0 up
$ip address add 192.0.2.1/24 dev pod0
$ip -6 address add 2001:db8::1/64 dev pod0 nodad
hops() {
  $ip -"$1" -oneline route show "$2" | sed 's/ dev pod0//g; s/ metric [0-9]*//; s/ pref medium//; s/ weight 1//g; s/\\\t/ /g; s/^/  /'
}
expect() {
  echo "$1, IPv$2:"
  hops "$2" "$3" | tee routes
  counts="$(wc -l <routes) $(grep -o via routes | wc -l)"
  [ "$counts" = "$4" ] || { echo "changed: not $4 routes and next hops"; exit 1; }
}
for action in add append; do
  hop=$((${hop:-1} + 1))
  $ip route $action 198.51.100.0/24 via 192.0.2.$hop
  $ip -6 route $action 2001:db8:1::/64 via 2001:db8::$hop
done
expect 'added and appended' 4 198.51.100.0/24 '2 2'
expect 'added and appended' 6 2001:db8:1::/64 '1 2'
$ip route replace 198.51.100.0/24 via 192.0.2.4
$ip -6 route replace 2001:db8:1::/64 via 2001:db8::4
expect 'replaced' 4 198.51.100.0/24 '2 2'
expect 'replaced' 6 2001:db8:1::/64 '1 1'
SH
echo 'as described: IPv6 appends a next hop, IPv4 a route'
# Output seen:
#   ip utility, iproute2-6.1.0, libbpf 1.1.2
#   6.18.44
#   added and appended, IPv4:
#     198.51.100.0/24 via 192.0.2.2
#     198.51.100.0/24 via 192.0.2.3
#   added and appended, IPv6:
#     2001:db8:1::/64 nexthop via 2001:db8::2  nexthop via 2001:db8::3
#   replaced, IPv4:
#     198.51.100.0/24 via 192.0.2.4
#     198.51.100.0/24 via 192.0.2.3
#   replaced, IPv6:
#     2001:db8:1::/64 via 2001:db8::4
#   as described: IPv6 appends a next hop, IPv4 a route
