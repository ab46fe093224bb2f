#!/bin/sh
# Guess: `ip route replace` with the route that is there tells listeners about it, or tells them nothing, in both families.
#
# Linux 6.18: RTM_NEWROUTE with NLM_F_REPLACE of an equal route succeeds in both families. IPv4 keeps the old one and sends no
# notification, IPv6 puts the new one in its place and sends RTM_NEWROUTE. A program that waits for the echo of its write,
# or that counts events, has to know the family.
#
# Needs iproute2, and unprivileged user namespaces or root.
set -eu

unshare --user --map-root-user --net sh -eu <<'SH'
seen=$(mktemp)
ip link add pod0 type veth peer name node0
ip link set pod0 up
ip link set node0 up
ip -6 address add 2001:db8::1/64 dev pod0 nodad
ip address add 192.0.2.1/24 dev pod0
ip route add 198.51.100.0/24 via 192.0.2.2
ip -6 route add 2001:db8:1::/64 via 2001:db8::2
ip monitor route >"$seen" &
monitor=$!
trap 'kill $monitor; rm "$seen"' EXIT
# The listener is ready when it has seen a marker, and has seen everything once it has seen the next one.
await() { until grep -q "^$1" "$seen"; do ip route replace "$1" dev pod0 metric $((metric = ${metric:-0} + 1)); done; }
await 203.0.113.1
ip route replace 198.51.100.0/24 via 192.0.2.2
ip -6 route replace 2001:db8:1::/64 via 2001:db8::2
await 203.0.113.2
four=$(grep -c '^198.51.100.0/24' "$seen" || true)
six=$(grep -c '^2001:db8:1::/64' "$seen" || true)
echo "notifications of an equal route: IPv4 $four, IPv6 $six"
[ "$four" -eq 0 ] && [ "$six" -eq 1 ] || { echo 'changed: both families do the same'; exit 1; }
SH
echo 'as described: only IPv6 reports an equal route'
# Output seen (Linux 6.18):
#   notifications of an equal route: IPv4 0, IPv6 1
#   as described: only IPv6 reports an equal route
