#!/bin/sh
# Guess: a token bucket (tbf) whose burst is one MTU passes every packet of the link, and a smaller burst makes it slower.
#
# Linux 6.18 drops every packet that is longer than the burst, and the length includes the Ethernet header: with a burst of
# 1,500 bytes and an MTU of 1,500 no full packet ever leaves, at whatever rate, while pings and DNS work. Nothing refuses
# such a burst, and a sender that is not local sees no error. So the `ingressBurst` of a CNI configuration, in bits, has to be
# 12,112 at least.
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

unshare --user --map-root-user --net bash -eu <<'SH'
ip=$(find root -name ip -path '*bin/ip' | head -n 1)
tc=$(find root -name tc -path '*bin/tc' | head -n 1)
$ip -Version
uname -r
$ip link add pod0 type veth peer name eth0
$ip link set pod0 up
$ip link set eth0 up
$ip address add 192.0.2.1/24 dev pod0
$ip neighbour add 192.0.2.2 lladdr 02:00:00:00:00:02 dev pod0
for burst in 1500 1513 1514; do
  $tc qdisc add dev pod0 root tbf rate 1mbit burst $burst latency 1s
  # With 8 bytes of UDP and 20 of IPv4, a packet of 1,500 bytes.
  for _ in 1 2 3; do head -c 1472 /dev/zero >/dev/udp/192.0.2.2/9 || true; done
  dropped=$($tc -s qdisc show dev pod0 | sed -n 's/.*(dropped \([0-9]*\),.*/\1/p')
  echo "burst $burst: $dropped of 3 packets of 1,500 bytes dropped"
  [ "$dropped" -eq $((burst < 1514 ? 3 : 0)) ] || { echo 'changed: which packets are dropped'; exit 1; }
  $tc qdisc delete dev pod0 root
done
SH
echo 'as described: a packet that is longer than the burst with its Ethernet header never leaves'
# Output seen:
#   ip utility, iproute2-6.1.0, libbpf 1.1.2
#   6.18.44
#   burst 1500: 3 of 3 packets of 1,500 bytes dropped
#   burst 1513: 3 of 3 packets of 1,500 bytes dropped
#   burst 1514: 0 of 3 packets of 1,500 bytes dropped
#   as described: a packet that is longer than the burst with its Ethernet header never leaves
