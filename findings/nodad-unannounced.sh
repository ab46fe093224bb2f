#!/bin/sh
# Guess: with the sysctl ndisc_notify (arp_notify for IPv4) the kernel announces each new address of a link, so that
# neighbours forget the MAC address of an earlier owner.
#
# Linux 6.18: on a link that is up, it announces a new IPv6 address once duplicate address detection has ended, an address
# with `nodad` never, and an IPv4 address never. Both sysctls act when the link comes up or its MAC address is set. So a
# program that adds `nodad` to save the second of detection also loses the announcement, and neighbours of an earlier pod
# with that address send to its MAC address. Setting the MAC address that the link has announces all of its addresses.
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

timeout 60 unshare --user --map-root-user --net --mount --pid --fork --mount-proc --kill-child sh -eu <<'SH'
ip=$(find "$PWD/root" -name ip -path '*bin/ip' | head -n 1)
nft=$(find "$PWD/root" -name nft -path '*bin/nft' | head -n 1)
uname -r
unshare --net sleep infinity &
until [ "$(readlink /proc/$!/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do :; done
neighbour="nsenter --net=/proc/$!/ns/net"
$ip link add pod0 type veth peer name peer0 netns $!
$neighbour $nft -f - <<'NFT'
table netdev announced {
  chain received {
    type filter hook ingress device peer0 priority 0
    arp saddr ip 192.0.2.1 arp daddr ip 192.0.2.1 counter comment "IPv4"
    ip6 daddr ff02::1 @th,64,128 0x20010db8000000000000000000000001 counter comment "IPv6 nodad"
    ip6 daddr ff02::1 @th,64,128 0x20010db8000000000000000000000002 counter comment "IPv6"
  }
}
NFT
$neighbour $ip link set peer0 up
echo 1 >/proc/sys/net/ipv4/conf/pod0/arp_notify
echo 1 >/proc/sys/net/ipv6/conf/pod0/ndisc_notify
$ip link set pod0 up
is_tentative() { $ip -6 -oneline address show dev pod0 tentative | grep -q .; }
until ! is_tentative && $ip -6 -oneline address show dev pod0 | grep -q fe80; do :; done
$ip address add 192.0.2.1/24 dev pod0
$ip address add 2001:db8::1/64 dev pod0 nodad
$ip address add 2001:db8::2/64 dev pod0
until ! is_tentative; do :; done
packets() { $neighbour $nft list table netdev announced | sed -n "s/.*packets \([0-9]*\) .*comment \"$1\"/\1/p"; }
# This announces each address once more.
$ip link set pod0 address "$($ip -oneline link show dev pod0 | sed 's/.*link.ether \([^ ]*\).*/\1/')"
for _ in $(seq 100); do
  [ "$(packets IPv4)" -lt 1 ] || [ "$(packets 'IPv6 nodad')" -lt 1 ] || [ "$(packets IPv6)" -lt 2 ] || break
done
added=
for kind in IPv4 'IPv6 nodad' IPv6; do
  added="$added $(($(packets "$kind") - 1))"
done
echo "announcements of a new IPv4 address, an IPv6 address with nodad, one without:$added"
[ "$added" = ' 0 0 1' ] || { echo 'changed: which new addresses are announced'; exit 1; }
SH
echo 'as described: a new address is announced only after duplicate address detection'
# Output seen:
#   6.18.44
#   announcements of a new IPv4 address, an IPv6 address with nodad, one without: 0 0 1
#   as described: a new address is announced only after duplicate address detection
