#!/bin/sh
# Guess: a node with proxy_arp answers ARP requests for its pods' gateway at once, as it answers those for its own address.
#
# Linux 6.18 holds the answer to a broadcast request back for a random time below proxy_delay, 0.8 s by default, so that a
# host that really has the address answers first. No such host exists on a link of one pod, and the first packet of the
# pod waits 0.4 s on average. It does so again whenever the entry has been removed. The sysctl, net.ipv4.neigh.LINK.proxy_delay,
# counts in hundredths of a second.
#
# Needs Debian's apt-get and dpkg, and unprivileged user namespaces or root.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq iproute2=6.1.0-3 libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1 libmnl0=1.0.4-3 \
  iputils-ping=3:20221126-1+deb12u1 libidn2-0=2.3.3-1+b1 libunistring2=1.0-2
for package in ./*.deb; do dpkg -x "$package" root; done
LD_LIBRARY_PATH=$(dirname "$(find "$dir/root" -name 'libmnl.so.0')")
export LD_LIBRARY_PATH

unshare --user --map-root-user --net --mount --pid --fork --mount-proc --kill-child sh -eu <<'SH'
ip=$(find "$PWD/root" -name ip -path '*bin/ip' | head -n 1)
ping=$(find "$PWD/root" -name ping -path '*bin/ping' | head -n 1)
$ip -Version
uname -r
unshare --net sleep infinity &
until [ "$(readlink /proc/$!/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do :; done
pod="nsenter --net=/proc/$!/ns/net"
$ip link set lo up
$ip address add 10.9.9.9/32 dev lo
$ip link add host type veth peer name eth0 netns $!
$ip link set host up
$ip route add 10.0.0.2/32 dev host
# proxy_arp answers for addresses that the node has a route to by another link.
$ip route add 169.254.1.1/32 dev lo
echo 1 >/proc/sys/net/ipv4/conf/all/forwarding
echo 1 >/proc/sys/net/ipv4/conf/host/proxy_arp
$pod $ip address add 10.0.0.2/32 dev eth0
$pod $ip link set eth0 up
$pod $ip route add 10.9.9.9 via 169.254.1.1 dev eth0 onlink

# Prints the round-trip time of the slowest of eight pings in microseconds, each to a gateway that the pod does not know yet.
slowest() {
  for _ in 1 2 3 4 5 6 7 8; do
    $pod $ip neigh flush dev eth0
    $pod $ping -n -c 1 -W 3 10.9.9.9 | sed -n 's/.*time=\([0-9.]*\) ms/\1/p'
  done | awk '$1 * 1000 > most { most = $1 * 1000 } END { printf "%d\n", most }'
}
echo "proxy_delay: $(cat /proc/sys/net/ipv4/neigh/host/proxy_delay)"
delayed=$(slowest)
echo "slowest first ping: $delayed us"
echo 0 >/proc/sys/net/ipv4/neigh/host/proxy_delay
at_once=$(slowest)
echo "with proxy_delay 0: $at_once us"
[ "$delayed" -gt "$((20 * at_once))" ] || { echo 'changed: the answers come at once'; exit 1; }
SH
echo 'as described: answers for other addresses wait'
# Output seen:
#   ip utility, iproute2-6.1.0, libbpf 1.1.2
#   6.18.44
#   proxy_delay: 80
#   slowest first ping: 826000 us
#   with proxy_delay 0: 102 us
#   as described: answers for other addresses wait
