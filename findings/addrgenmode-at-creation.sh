#!/bin/sh
# Guess: `ip link add NAME addrgenmode none type KIND` creates a link that gets no IPv6 link-local address.
#
# iproute2 accepts the word and sends IFLA_INET6_ADDR_GEN_MODE in the request that creates the link. Linux 6.1 and 6.18 refuse
# the request with EAFNOSUPPORT, although IPv6 is on: the new link has no IPv6 settings yet. The mode can only be set in a
# second request, before the link is up.
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
[ "$(cat /proc/sys/net/ipv6/conf/all/disable_ipv6)" = 0 ]
if $ip link add demo0 addrgenmode none type bridge 2>refused; then
  echo 'changed: the kernel accepts the mode at creation'
  exit 1
fi
echo "at creation: $(cat refused)"
grep -q 'Address family not supported' refused
$ip link add demo0 type bridge
$ip link set demo0 addrgenmode none
echo "afterwards: $($ip -details link show demo0 | grep -o 'addrgenmode [a-z0-9]*')"
SH
echo 'as described: refused at creation, accepted afterwards'
# Output seen:
#   ip utility, iproute2-6.1.0, libbpf 1.1.2
#   6.18.44
#   at creation: RTNETLINK answers: Address family not supported by protocol
#   afterwards: addrgenmode none
