#!/bin/sh
# Guess: the kernel treats a prefix with host bits, such as 10.1.2.3/8, the same way wherever a prefix is expected.
#
# Linux 6.18 with iproute2 6.1.0 (Debian 12), which passes the prefix on unchanged: an IPv4 route with host bits is
# refused, an IPv6 route is accepted and listed without them, and a rule of either family keeps them in its listing.
# A program that compares what it wrote with what the kernel lists sees a difference in IPv6 routes only.
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
$ip link set lo up
if $ip route add 10.1.2.3/8 dev lo 2>refused; then
  echo 'changed: an IPv4 route may have host bits'
  exit 1
fi
echo "IPv4 route: $(cat refused)"
$ip -6 route add fd00::1/64 dev lo
route=$($ip -6 route show dev lo | grep fd00)
echo "IPv6 route: $route"
$ip rule add from 10.1.2.3/8 table 5
$ip -6 rule add from fd00::1/64 table 5
rules=$($ip rule | grep 10.1; $ip -6 rule | grep fd00)
echo "rules: $rules"
case $route in fd00::/64*) ;; *) echo 'changed: the IPv6 route'; exit 1 ;; esac
case $rules in *10.1.2.3/8*fd00::1/64*) ;; *) echo 'changed: the rules'; exit 1 ;; esac
SH
echo 'as described: refused, cleared, kept'
# Output seen:
#   ip utility, iproute2-6.1.0, libbpf 1.1.2
#   6.18.44
#   IPv4 route: Error: Invalid prefix for given prefix length.
#   IPv6 route: fd00::/64 metric 1024 pref medium
#   rules: 32765:	from 10.1.2.3/8 lookup 5
#   32765:	from fd00::1/64 lookup 5
