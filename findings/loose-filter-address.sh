#!/bin/sh
# Guess: with `rp_filter=2` on a link (loose), the node accepts IPv4 packets from every source that it has a route to, for
# example by its default route.
#
# Linux 6.18 does so only on links that have an IPv4 address. On a link without one, such as the node's end of a pod's
# veth pair with host routes, the loose filter is as strict as the strict one: it drops sources that are not routed to that
# link, with EINVAL and without a log. Any address changes it, also one of scope `host`. The value 0 passes them, but counts
# only while that of `all` is 0.
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
for link in pod0 out0; do
  $ip link add $link type veth peer name $link-far
  $ip link set $link up
  $ip link set $link-far up
done
$ip address add 10.2.0.1/24 dev out0
$ip route add default via 10.2.0.9
$ip route add 10.1.0.9/32 dev pod0
cd /proc/sys/net/ipv4
echo 1 >ip_forward
echo 0 >conf/all/rp_filter
echo 2 >conf/pod0/rp_filter
cd - >/dev/null
forward() {
  $ip route get 10.2.0.7 from 192.0.2.5 iif pod0 2>&1 | head -n 1
}
without=$(forward)
echo "loose, no address on the link: $without"
$ip address add 169.254.1.1/32 dev pod0 scope host
with=$(forward)
echo "loose, an address on the link: $with"
case $without in *'dev out0'*) echo 'changed: the loose filter passes packets of a link without an address'; exit 1 ;; esac
case $with in *'dev out0'*) ;; *) echo 'changed: the loose filter drops packets of a link with an address'; exit 1 ;; esac
SH
echo 'as described: the loose filter is strict on a link without an IPv4 address'
# Output seen:
#   ip utility, iproute2-6.1.0, libbpf 1.1.2
#   6.18.44
#   loose, no address on the link: RTNETLINK answers: Invalid argument
#   loose, an address on the link: 10.2.0.7 from 192.0.2.5 dev out0
