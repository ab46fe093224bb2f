#!/bin/sh
# Guess: what `nft list ruleset` prints, `nft -f` reads.
#
# nftables 1.0.6 (Debian 12): a map that was created through the JSON interface, or by any other program over netlink,
# may have a name that is a keyword of nft's grammar, such as `ip6`. The kernel and the JSON parser accept it and
# `nft list ruleset` prints it unquoted, but the text parser then rejects the whole file, so a saved ruleset restores
# nothing. The text parser has no quoting for names of objects.
#
# Needs Debian's apt-get and dpkg, and unprivileged user namespaces or root.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq nftables=1.0.6-2+deb12u2 libnftables1=1.0.6-2+deb12u2 libnftnl11=1.2.4-2 \
  libxtables12=1.8.9-2 libjansson4=2.14-2 libedit2=3.1-20221030-2 libmnl0=1.0.4-3
for package in ./*.deb; do dpkg -x "$package" root; done
LD_LIBRARY_PATH=$(dirname "$(find "$dir/root" -name 'libnftables.so.1')")
export LD_LIBRARY_PATH

cat >map.json <<'JSON'
{ "nftables": [
  { "add": { "table": { "family": "ip", "name": "demo" } } },
  { "add": { "map": { "family": "ip", "table": "demo", "name": "ip6", "type": "inet_service", "map": "verdict" } } }
] }
JSON

unshare --user --map-root-user --net sh -eu <<'SH'
nft=root/usr/sbin/nft
$nft --version
$nft --json --file map.json
$nft list ruleset >saved
cat saved
$nft flush ruleset
if $nft --file saved 2>error; then
  echo 'changed: nft reads its own output'
  exit 1
fi
cat error
$nft list ruleset >restored
[ ! -s restored ]
grep -q 'unexpected ip6' error
SH
echo 'as described: nft cannot read the ruleset that it printed'
# Output seen:
#   nftables v1.0.6 (Lester Gooch #5)
#   saved:2:6-8: Error: syntax error, unexpected ip6, expecting string
