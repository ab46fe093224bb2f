#!/bin/sh
# Guess: `ip neighbour add ... nud permanent` lasts until it is deleted or its link goes down, and setting the MAC address that
# a link already has changes nothing.
#
# Linux 6.18 deletes all neighbours of a link whose MAC address is set, permanent ones too, in both families, and also if the
# address is the same. So the way to announce a link's addresses again (see nodad-unannounced.sh), or a CNI plugin such
# as `tuning` later in the chain, removes what an earlier plugin has given the link. A loss of carrier, which sounds
# worse, removes none of them, nor does any other MTU.
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
$ip neighbour add 169.254.1.1 lladdr 02:00:00:00:00:01 nud permanent dev pod0
$ip -6 neighbour add fe80::1 lladdr 02:00:00:00:00:01 nud permanent dev pod0
after() {
  left=$($ip neighbour show dev pod0 nud permanent | wc -l)
  echo "permanent neighbours after $1: $left"
  [ "$left" -eq "$2" ] || { echo "changed: not $2"; exit 1; }
}
$ip link set pod0 mtu 1400
after 'another MTU' 2
$ip link set node0 down
until $ip -oneline link show dev pod0 | grep -q NO-CARRIER; do :; done
after 'a loss of carrier' 2
$ip link set node0 up
$ip link set pod0 address "$($ip -oneline link show dev pod0 | sed 's/.*link.ether \([^ ]*\).*/\1/')"
after 'a request to set the same MAC address' 0
SH
echo 'as described: setting a MAC address deletes permanent neighbours'
# Output seen:
#   ip utility, iproute2-6.1.0, libbpf 1.1.2
#   6.18.44
#   permanent neighbours after another MTU: 2
#   permanent neighbours after a loss of carrier: 2
#   permanent neighbours after a request to set the same MAC address: 0
#   as described: setting a MAC address deletes permanent neighbours
