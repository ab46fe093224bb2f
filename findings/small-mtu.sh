#!/bin/sh
# Guess: the kernel refuses an MTU below the 1,280 bytes that IPv6 needs while a link has IPv6 addresses, and a larger MTU
# brings them back.
#
# Linux 6.18 accepts it without a word and removes IPv6 from the link: addresses, routes and /proc/sys/net/ipv6/conf/LINK. New
# addresses are refused with EINVAL, which does not mention the MTU. Once the MTU is large enough, the link starts
# anew, with the default sysctls. So a CNI plugin such as `tuning` that sets `mtu` behind the one that gave the addresses
# takes IPv6 from the pod, and ADD succeeds. A bridge whose MTU has not been set follows its smallest port, so that one such
# port takes IPv6, and the gateway's address, from the bridge and all pods on it, also when the port is deleted again.
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

unshare --user --map-root-user --net --mount --pid --fork --mount-proc --kill-child sh -eu <<'SH'
ip=$(find "$PWD/root" -name ip -path '*bin/ip' | head -n 1)
$ip -Version
uname -r
conf=/proc/sys/net/ipv6/conf/pod0
$ip link add pod0 type veth peer name node0
$ip link set node0 up
$ip link set pod0 up
$ip -6 address add 2001:db8::2/64 dev pod0 nodad
$ip -6 route add default via 2001:db8::1 dev pod0
echo 0 >$conf/accept_ra
state() {
  addresses=$($ip -6 -oneline address show dev pod0 scope global | wc -l)
  routes=$($ip -6 route show default | wc -l)
  setting=$(cat $conf/accept_ra 2>/dev/null || echo none)
  echo "$1: global addresses $addresses, default routes $routes, accept_ra $setting"
  [ "$addresses $routes $setting" = "$2" ] || { echo "changed: not $2"; exit 1; }
}
state 'MTU 1500' '1 1 0'
$ip link set pod0 mtu 1279
state 'MTU 1279' '0 0 none'
if $ip -6 address add 2001:db8::2/64 dev pod0 2>refused; then
  echo 'changed: a new address is accepted'
  exit 1
fi
echo "a new address: $(cat refused)"
grep -q 'Invalid argument' refused
$ip link set pod0 mtu 1500
state 'MTU 1500 again' '0 0 1'
$ip link add br0 type bridge
$ip link set br0 up
$ip -6 address add 2001:db8::1/64 dev br0 nodad
$ip link add small0 mtu 1279 type veth peer name small1
$ip link set small0 master br0
$ip link delete small0
$ip -oneline link show dev br0 | sed 's/.* \(mtu [0-9]*\) .*/bridge after a port with MTU 1279: \1/'
addresses=$($ip -6 -oneline address show dev br0 scope global | wc -l)
echo "global addresses of the bridge: $addresses"
[ "$addresses" -eq 0 ] || { echo 'changed: the bridge has an address'; exit 1; }
SH
echo 'as described: a small MTU removes IPv6 from the link, a larger one does not bring it back'
# Output seen:
#   ip utility, iproute2-6.1.0, libbpf 1.1.2
#   6.18.44
#   MTU 1500: global addresses 1, default routes 1, accept_ra 0
#   MTU 1279: global addresses 0, default routes 0, accept_ra none
#   a new address: RTNETLINK answers: Invalid argument
#   MTU 1500 again: global addresses 0, default routes 0, accept_ra 1
#   bridge after a port with MTU 1279: mtu 1500
#   global addresses of the bridge: 0
#   as described: a small MTU removes IPv6 from the link, a larger one does not bring it back
