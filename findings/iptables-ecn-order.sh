#!/bin/sh
# Guess: the order of a target's options does not matter, or iptables refuses options that it cannot combine.
#
# iptables 1.8.9: with target ECN, `--ecn-ip-ect 2 --ecn-tcp-remove` is accepted, but iptables forgets that the IP header is
# to be changed: the option of the TCP header replaces the flags of what to do. In the other order both stay. The forgotten
# value stays in the rule, so that `-C` does not find the rule that iptables-save prints.
#
# Needs Debian's apt-get and dpkg, and unprivileged user namespaces or root.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq iptables=1.8.9-2 libxtables12=1.8.9-2 libip4tc2=1.8.9-2 libip6tc2=1.8.9-2 libnftnl11=1.2.4-2 \
  libmnl0=1.0.4-3 libnfnetlink0=1.0.2-2 libnetfilter-conntrack3=1.0.9-3
for package in ./*.deb; do dpkg -x "$package" root; done
XTABLES_LIBDIR=$(find "$dir/root" -type d -name xtables)
LD_LIBRARY_PATH=$(dirname "$XTABLES_LIBDIR")
export LD_LIBRARY_PATH XTABLES_LIBDIR

unshare --user --map-root-user --net sh -eu <<'SH'
iptables() { root/usr/sbin/xtables-nft-multi iptables -t mangle "$@"; }
iptables --version
iptables -A OUTPUT -p tcp -j ECN --ecn-ip-ect 2 --ecn-tcp-remove
iptables -A OUTPUT -p tcp -j ECN --ecn-tcp-remove --ecn-ip-ect 2
iptables -S OUTPUT | tee saved
if ! grep -q 'ECN --ecn-tcp-remove$' saved || [ "$(grep -c 'ecn-ip-ect 2' saved)" -ne 1 ]; then
  echo 'changed: both orders mean the same'
  exit 1
fi
if iptables -C OUTPUT -p tcp -j ECN --ecn-tcp-remove 2>error; then
  echo 'changed: the printed rule is found'
  exit 1
fi
cat error
SH
echo 'as described: the first rule has lost --ecn-ip-ect'
# Output seen:
#   iptables v1.8.9 (nf_tables)
#   -P OUTPUT ACCEPT
#   -A OUTPUT -p tcp -j ECN --ecn-tcp-remove
#   -A OUTPUT -p tcp -j ECN --ecn-tcp-ece 0 --ecn-tcp-cwr 0 --ecn-ip-ect 2
#   iptables: Bad rule (does a matching rule exist in that chain?).
