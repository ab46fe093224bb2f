#!/bin/sh
# Guess: the NAT chains of a hook are like its filter chains: each of them sees the packet, in the order of priority, also
# after a rule of an earlier chain has matched.
#
# Linux 6.18 ends the hook with the first statement that translates: later NAT chains, of whatever table or program, neither
# match nor count that connection, as if they were not there. `accept` does not end it, neither does a chain's policy. So
# two programs that register the same hook, such as kube-proxy and a port mapper, cannot complement one another, and
# rules that count, log or set a mark belong in a chain of type filter.
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

unshare --user --map-root-user --net bash -eu <<'SH'
ip=$(find root -name ip -path '*bin/ip' | head -n 1)
nft=$(find root -name nft -path '*bin/nft' | head -n 1)
uname -r
$nft --version
$ip link set lo up
$nft -f - <<'NFT'
table ip first {
  chain nat {
    type nat hook output priority -101
    udp dport 51 accept
    udp dport 52 dnat to 127.0.0.1
    udp dport 53 redirect to :54
  }
  chain filter {
    type filter hook output priority 1
    udp dport 50-59 accept
  }
}
table ip second {
  chain nat {
    type nat hook output priority -100
    udp dport 51 counter comment "NAT: accepted"
    udp dport 52-54 counter comment "NAT: translated"
  }
  chain filter {
    type filter hook output priority 2
    udp dport 51 counter comment "filter: accepted"
    udp dport { 52, 54 } counter comment "filter: translated"
  }
}
NFT
for port in 51 52 53; do echo >/dev/udp/127.0.0.1/$port; done
seen=$($nft list table ip second | sed -n 's/.*packets \([0-9]*\) .*comment "\(.*\)"/\2 \1/p')
echo "packets in the second chain, by what the first one did:"
echo "$seen"
expected='NAT: accepted 1
NAT: translated 0
filter: accepted 1
filter: translated 2'
[ "$seen" = "$expected" ] || { echo 'changed: which chains see the packets'; exit 1; }
SH
echo 'as described: the first translation ends the NAT chains of a hook, accept does not'
# Output seen:
#   6.18.44
#   nftables v1.0.6 (Lester Gooch #5)
#   packets in the second chain, by what the first one did:
#   NAT: accepted 1
#   NAT: translated 0
#   filter: accepted 1
#   filter: translated 2
#   as described: the first translation ends the NAT chains of a hook, accept does not
