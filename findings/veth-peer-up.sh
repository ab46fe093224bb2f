#!/bin/sh
# Guess: both ends of a veth pair can be up from the request that creates them, since each end has flags in it:
# `ip link add a up type veth peer name b up`.
#
# Only the end outside of `peer` can. Linux registers and configures the peer first, and a veth end refuses to go up while it
# has no partner: the request fails with ENOTCONN, and neither end exists. Flags of the other end are applied after both
# know each other. So the peer, which usually is the end inside the container, needs a second request.
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
flags() { $ip -oneline link show dev "$1" | grep -o '<.*>'; }
if $ip link add demo0 type veth peer name demo1 up 2>refused; then
  echo 'changed: the kernel creates a pair whose peer is up'
  exit 1
fi
echo "peer up: $(cat refused)"
grep -q 'Transport endpoint is not connected' refused
[ "$($ip -oneline link | wc -l)" = 1 ]
$ip link add demo0 up type veth peer name demo1
echo "other end up: demo0 $(flags demo0) demo1 $(flags demo1)"
flags demo0 | grep -q '[<,]UP'
SH
echo 'as described: the peer cannot be up at creation, the other end can'
# Output seen:
#   ip utility, iproute2-6.1.0, libbpf 1.1.2
#   6.18.44
#   peer up: RTNETLINK answers: Transport endpoint is not connected
#   other end up: demo0 <NO-CARRIER,BROADCAST,MULTICAST,UP,M-DOWN> demo1 <BROADCAST,MULTICAST>
