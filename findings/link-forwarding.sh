#!/bin/sh
# Guess: the sysctl `forwarding` of a link means the same in both families, and `all` turns forwarding on everywhere: after
# `net.ipv4.ip_forward=1` and `net.ipv6.conf.all.forwarding=1` the node forwards.
#
# Linux 6.18: IPv4 forwards what arrives on a link whose own `forwarding` is 1, and never reads `all`. IPv6 reads only `all`; the
# value of a link decides whether the node acts as a host or as a router on it. A write to `all` copies the value to each
# link, but that of IPv4 only if it changes: when ip_forward is 1 already, writing 1 again leaves a link with 0 as
# it is, and its pods offline.
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

unshare --user --map-root-user --net --mount --pid --fork --mount-proc --kill-child bash -eu <<'SH'
ip=$(find "$PWD/root" -name ip -path '*bin/ip' | head -n 1)
ping=$(find "$PWD/root" -name ping -path '*bin/ping' | head -n 1)
$ip -Version
uname -r
conf=/proc/sys/net
number=1
for link in one two; do
  unshare --net sleep infinity &
  until [ "$(readlink /proc/$!/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do :; done
  pod="nsenter --net=/proc/$!/ns/net"
  $ip link add $link type veth peer name eth0 netns $!
  $ip link set $link up
  $pod $ip link set eth0 up
  $ip address add 10.$number.0.1/24 dev $link
  $ip -6 address add 2001:db8:$number::1/64 dev $link nodad
  $pod $ip address add 10.$number.0.2/24 dev eth0
  $pod $ip -6 address add 2001:db8:$number::2/64 dev eth0 nodad
  $pod $ip route add default via 10.$number.0.1
  $pod $ip -6 route add default via 2001:db8:$number::1
  number=$((number + 1))
done
forward() {
  for family in 4 6; do echo "$2" >$conf/ipv$family/conf/"$1"/forwarding; done
}
# A reply that should come may be slow.
reaches() {
  if $pod $ping -q -c 1 -W "$2" "$1" >reply 2>&1; then echo yes; else echo no; fi
}
expect() {
  case $2 in yes) wait=30 ;; no) wait=1 ;; esac
  case $3 in yes) wait6=30 ;; no) wait6=1 ;; esac
  four=$(reaches 10.1.0.2 $wait)
  six=$(reaches 2001:db8:1::2 $wait6)
  echo "$1: IPv4 reaches the other pod: $four, IPv6: $six"
  [ "$four $six" = "$2 $3" ] || { echo "changed: not $2 and $3"; exit 1; }
}
forward all 1
# The kernel first has to find out that no other node has the links' link-local addresses.
until [ "$(reaches 10.1.0.2 1) $(reaches 2001:db8:1::2 1)" = 'yes yes' ]; do :; done
forward one 0
forward two 0
expect '`all` 1, links 0' no yes
forward all 1
links=$(paste -d ' ' $conf/ipv4/conf/one/forwarding $conf/ipv6/conf/one/forwarding)
echo "forwarding of a link after another write of 1 to \`all\`, IPv4 and IPv6: $links"
[ "$links" = '0 1' ] || { echo 'changed: the links'; exit 1; }
forward all 0
forward one 1
forward two 1
expect '`all` 0, links 1' yes no
SH
echo 'as described: IPv4 reads the value of the link, IPv6 that of all'
# Output seen:
#   ip utility, iproute2-6.1.0, libbpf 1.1.2
#   6.18.44
#   `all` 1, links 0: IPv4 reaches the other pod: no, IPv6: yes
#   forwarding of a link after another write of 1 to `all`, IPv4 and IPv6: 0 1
#   `all` 0, links 1: IPv4 reaches the other pod: yes, IPv6: no
#   as described: IPv4 reads the value of the link, IPv6 that of all
