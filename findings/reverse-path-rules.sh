#!/bin/sh
# Guess: a strict reverse path filter on the link in0 is not affected by `ip rule add ... iif out0`, since the packets that
# it checks arrive on in0.
#
# Linux 6.18 looks up the route back to the source as if the reply arrived on the link that the packet leaves by, with the
# packet's destination as source. A rule for packets from another network on out0 thus drops the packets that go to that
# network, with EINVAL and without a log. A loose filter (2) passes them.
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
for link in in0 out0; do
  $ip link add $link type veth peer name $link-far
  $ip link set $link up
  $ip link set $link-far up
done
$ip address add 10.1.0.1/24 dev in0
$ip address add 10.2.0.1/24 dev out0
cd /proc/sys/net/ipv4
echo 1 >ip_forward
echo 0 >conf/all/rp_filter
echo 1 >conf/in0/rp_filter
cd - >/dev/null
forward() {
  $ip route get 10.2.0.9 from 10.1.0.9 iif in0 2>&1 | head -n 1
}
echo "without a rule: $(forward)"
$ip route add default dev out0 table 77
$ip rule add from 10.2.0.0/24 iif out0 lookup 77
strict=$(forward)
echo "with a rule for out0: $strict"
echo 2 >/proc/sys/net/ipv4/conf/in0/rp_filter
loose=$(forward)
echo "with a loose filter: $loose"
case $strict in *'Invalid argument'*) ;; *) echo 'changed: the rule has no effect on packets from in0'; exit 1 ;; esac
case $loose in *'dev out0'*) ;; *) echo 'changed: the loose filter'; exit 1 ;; esac
SH
echo 'as described: a rule for the link that a packet leaves by makes the strict filter drop it'
# Output seen:
#   ip utility, iproute2-6.1.0, libbpf 1.1.2
#   6.18.44
#   without a rule: 10.2.0.9 from 10.1.0.9 dev out0
#   with a rule for out0: RTNETLINK answers: Invalid argument
#   with a loose filter: 10.2.0.9 from 10.1.0.9 dev out0
