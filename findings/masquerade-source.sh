#!/bin/sh
# Guess: `masquerade` gives a packet the address that the node's own packets to that destination have, that is the `src` of
# the route: `ip route add default via ... src ADDRESS` selects the address that pods leave the node with.
#
# Linux 6.18 uses the route for its link and next hop only. IPv4 gets the link's first address in the subnet of the next hop,
# IPv6 the result of address selection on that link, so `src` counts in neither family. Packets of the node that have
# the right source lose it when the rule matches them. An egress address needs `snat to ADDRESS`, which does not follow a
# change of the address, or a place as the first address.
#
# Needs Debian's apt-get and dpkg, and unprivileged user namespaces or root.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq iproute2=6.1.0-3 libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1 libmnl0=1.0.4-3 \
  nftables=1.0.6-2+deb12u2 libnftables1=1.0.6-2+deb12u2 libnftnl11=1.2.4-2 \
  libxtables12=1.8.9-2 libjansson4=2.14-2 libedit2=3.1-20221030-2
for package in ./*.deb; do dpkg -x "$package" root; done
LD_LIBRARY_PATH=$(dirname "$(find "$dir/root" -name 'libmnl.so.0')")
export LD_LIBRARY_PATH

unshare --user --map-root-user --net --mount --pid --fork --mount-proc --kill-child bash -eu <<'SH'
ip=$(find "$PWD/root" -name ip -path '*bin/ip' | head -n 1)
nft=$(find "$PWD/root" -name nft -path '*bin/nft' | head -n 1)
uname -r
$nft --version
unshare --net sleep infinity &
until [ "$(readlink /proc/$!/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do :; done
pod="nsenter --net=/proc/$!/ns/net"
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
$ip link add pod0 type veth peer name eth0 netns $!
$ip link add out0 type veth peer name far0
for link in pod0 out0 far0; do $ip link set $link up; done
$pod $ip link set eth0 up
$ip address add 10.1.0.1/24 dev pod0
$ip -6 address add 2001:db8:1::1/64 dev pod0 nodad
$pod $ip address add 10.1.0.2/24 dev eth0
$pod $ip -6 address add 2001:db8:1::2/64 dev eth0 nodad
$pod $ip route add default via 10.1.0.1
$pod $ip -6 route add default via 2001:db8:1::1
for host in 1 9; do
  $ip address add 192.0.2.$host/24 dev out0
  $ip -6 address add 2001:db8:2::$host/64 dev out0 nodad
done
$ip neighbour add 192.0.2.2 lladdr 02:00:00:00:00:02 dev out0
$ip -6 neighbour add 2001:db8:2::2 lladdr 02:00:00:00:00:02 dev out0
$nft -f - <<'NFT'
table inet node {
  chain leaving {
    type nat hook postrouting priority 100
    oifname out0 masquerade
  }
}
table netdev far {
  chain received {
    type filter hook ingress device far0 priority 0
    udp dport 9 ip saddr 192.0.2.1 counter comment "192.0.2.1"
    udp dport 9 ip saddr 192.0.2.9 counter comment "192.0.2.9"
    udp dport 9 ip6 saddr 2001:db8:2::1 counter comment "2001:db8:2::1"
    udp dport 9 ip6 saddr 2001:db8:2::9 counter comment "2001:db8:2::9"
  }
}
NFT
# In each family the address that the kernel would not choose without `src`: the second one of IPv4, the first one of IPv6.
$ip route add default via 192.0.2.2 src 192.0.2.9
$ip -6 route add default via 2001:db8:2::2 src 2001:db8:2::1
sources() { $nft list table netdev far | sed -n 's/.*packets \([0-9]*\) .*comment "\(.*\)"/\2 \1/p'; }
for far in 198.51.100.1 2001:db8:3::1; do
  src=$($ip route get $far | sed -n 's/.* src \([^ ]*\).*/\1/p')
  for from in node pod; do
    sources >before
    if [ $from = pod ]; then $pod bash -c "echo >/dev/udp/$far/9"; else echo >/dev/udp/$far/9; fi
    until used=$(sources | comm -13 before - | grep .); do :; done
    echo "to $far from the $from: the source of the route is $src, of the packet ${used% *}"
    case "$src ${used% *}" in
      '192.0.2.9 192.0.2.1' | '2001:db8:2::1 2001:db8:2::9') ;;
      *) echo 'changed: another source'; exit 1 ;;
    esac
  done
done
SH
echo 'as described: masquerade ignores the source address of the route'
# Output seen:
#   6.18.44
#   nftables v1.0.6 (Lester Gooch #5)
#   to 198.51.100.1 from the node: the source of the route is 192.0.2.9, of the packet 192.0.2.1
#   to 198.51.100.1 from the pod: the source of the route is 192.0.2.9, of the packet 192.0.2.1
#   to 2001:db8:3::1 from the node: the source of the route is 2001:db8:2::1, of the packet 2001:db8:2::9
#   to 2001:db8:3::1 from the pod: the source of the route is 2001:db8:2::1, of the packet 2001:db8:2::9
#   as described: masquerade ignores the source address of the route
