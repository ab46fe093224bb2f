#!/bin/sh
# Guess: a link that has an IPv6 address with `nodad` is ready for use at once, so a node can forward to pods on it.
#
# Linux 6.18 asks for the MAC address of a forwarded packet's next hop from the link-local address of the link, and while
# duplicate address detection for that one runs, a second or two, it does not ask at all: the node itself reaches the pod
# and forwards nothing to it. With `addrgenmode none`, and no link-local address, it never does. A program that
# creates a link for pods has to add the link-local address too, with `nodad`. Here detection takes minutes, to make it visible.
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
number=1
for link in client0 pod0; do
  unshare --net sleep infinity &
  until [ "$(readlink /proc/$!/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do :; done
  eval "${link%0}='nsenter --net=/proc/$!/ns/net'"
  far="nsenter --net=/proc/$!/ns/net"
  $ip link add $link type veth peer name eth0 netns $!
  $far $ip link set eth0 addrgenmode none
  $far $ip link set eth0 up
  $far $ip -6 address add fe80::2/64 dev eth0 nodad
  $far $ip -6 address add 2001:db8:$number::2/64 dev eth0 nodad
  $far $ip -6 route add default via fe80::1 dev eth0
  $ip -6 address add 2001:db8:$number::1/64 dev $link nodad
  number=$((number + 1))
done
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
$ip link set client0 up
$ip -6 address add fe80::1/64 dev client0 nodad
$ip link set pod0 addrgenmode none
$ip link set pod0 up
reaches() { if $1 $ping -q -c 1 -W "$2" 2001:db8:2::2 >/dev/null 2>&1; then echo yes; else echo no; fi; }
expect() {
  case $2 in yes) wait=30 ;; no) wait=2 ;; esac
  from_node=$(reaches '' 30)
  $ip -6 neighbour flush dev pod0
  from_client=$(reaches "$client" $wait)
  $ip -6 neighbour flush dev pod0
  echo "$1: the node reaches the pod: $from_node, a client behind the node: $from_client"
  [ "$from_node $from_client" = "yes $2" ] || { echo "changed: not yes and $2"; exit 1; }
}
expect 'no link-local address' no
echo 600 >/proc/sys/net/ipv6/conf/pod0/dad_transmits
$ip -6 address add fe80::1/64 dev pod0
expect 'a tentative one' no
$ip -6 address delete fe80::1/64 dev pod0
$ip -6 address add fe80::1/64 dev pod0 nodad
expect 'one with nodad' yes
SH
echo 'as described: a node forwards nothing to a neighbour while its link-local address is tentative'
# Output seen:
#   ip utility, iproute2-6.1.0, libbpf 1.1.2
#   6.18.44
#   no link-local address: the node reaches the pod: yes, a client behind the node: no
#   a tentative one: the node reaches the pod: yes, a client behind the node: no
#   one with nodad: the node reaches the pod: yes, a client behind the node: yes
#   as described: a node forwards nothing to a neighbour while its link-local address is tentative
