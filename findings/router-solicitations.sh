#!/bin/sh
# Guess: like RFC 4861, Linux solicits a router three times after a link came up, and gives up.
#
# Since 4.9 (RFC 7559) the default of `router_solicitations` is -1: it never gives up, with pauses that double from 4 s up to
# an hour. A pod has no router that answers, so each pod of a bridge wakes each other one once an hour, and the node, which
# is a router, remembers the link-local address of each pod in its neighbour table, which has 1,024 entries by default for
# all network namespaces together. To save time, the first pause is 1 s here.
#
# Needs iproute2 and unprivileged user namespaces or root.
set -eu

unshare --user --map-root-user --net sh -eu <<'SH'
solicitations() { awk '$1 == "Icmp6OutRouterSolicits" { print $2 }' /proc/net/snmp6; }
conf=/proc/sys/net/ipv6/conf
ip link add pod0 type veth peer name node0
echo 1 >$conf/node0/forwarding
echo "router_solicitations of pod0: $(cat $conf/pod0/router_solicitations)"
echo 1 >$conf/pod0/router_solicitation_interval
ip link set node0 up
ip link set pod0 up
sleep 30
sent=$(solicitations)
echo "sent in 30 s: $sent"
ip -6 neighbour show dev node0 | sed 's/.*lladdr [^ ]* */the node remembers the pod: /'
[ "$sent" -gt 3 ] || { echo 'changed: at most 3 solicitations'; exit 1; }
[ "$(ip -6 neighbour show dev node0 | wc -l)" -eq 1 ] || { echo 'changed: the node has no neighbour'; exit 1; }
SH
echo 'as described: more than three solicitations, and a neighbour entry'
# Output seen (Linux 6.18):
#   router_solicitations of pod0: -1
#   sent in 30 s: 6
#   the node remembers the pod: STALE
#   as described: more than three solicitations, and a neighbour entry
