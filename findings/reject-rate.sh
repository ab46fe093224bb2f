#!/bin/sh
# Guess: the statement `reject` of nftables (and -j REJECT of iptables) answers every packet that it drops, so a client sees
# the refusal at once.
#
# Linux 6.18: the answer is an ICMP error, and the kernel limits those to one peer (net.ipv4.icmp_ratelimit, icmp_ratemask):
# six at once, then one a second. The other packets are dropped without an answer, as by `drop`, although the rule counts
# all of them. Only OutRateLimitHost of /proc/net/snmp shows it, in new kernels. `reject with tcp reset` has no limit.
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
server="nsenter --net=/proc/$!/ns/net"
$ip link add client type veth peer name server netns $!
$ip address add 10.0.0.1/24 dev client
$ip link set client up
$server $ip address add 10.0.0.2/24 dev server
$server $ip link set server up
$server $nft -f - <<'NFT'
table ip refuse {
  chain input {
    type filter hook input priority 0
    udp dport 9 counter reject
    tcp dport 9 counter reject with tcp reset
  }
}
NFT
for i in $(seq 40); do
  echo >/dev/udp/10.0.0.2/9
  if (: >/dev/tcp/10.0.0.2/9) 2>/dev/null; then echo 'changed: TCP is not refused'; exit 1; fi
done
$server $nft list table ip refuse | grep counter | tee counters
$server grep Icmp: /proc/net/snmp >snmp
errors=$(awk 'NR == 1 { for (i = 2; i <= NF; i++) if ($i == "OutDestUnreachs") at = i } NR == 2 { print $at }' snmp)
echo "ICMP errors: $errors"
grep -q 'udp dport 9 counter packets 40 ' counters || { echo 'changed: the counter of UDP'; exit 1; }
# A connection without an answer would send its first packet again.
grep -q 'tcp dport 9 counter packets 40 ' counters || { echo 'changed: a limit of resets'; exit 1; }
[ "$errors" -ge 6 ] && [ "$errors" -lt 30 ] || { echo 'changed: the number of ICMP errors'; exit 1; }
SH
echo 'as described: most packets that the rule rejects get no answer'
# Output seen:
#   6.18.44
#   nftables v1.0.6 (Lester Gooch #5)
#     udp dport 9 counter packets 40 bytes 1160 reject
#     tcp dport 9 counter packets 40 bytes 2400 reject with tcp reset
#   ICMP errors: 6
#   as described: most packets that the rule rejects get no answer
