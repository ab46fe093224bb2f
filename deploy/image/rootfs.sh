#!/bin/sh
# Usage: rootfs.sh FOLDER. Unpacks into FOLDER what the agent needs of Debian and nothing else; runs in a Debian image.
set -eu
root=$1

# What `apt-get install` would bring besides these runs when packages are configured; nothing is configured here.
packages="base-files libc6 libgcc-s1 libstdc++6 iptables libip4tc2 libip6tc2 libxtables12
  libmnl0 libnfnetlink0 libnetfilter-conntrack3 libnftnl11 netbase"

work=$(mktemp -d)
cd "$work"
apt-get update -q
# shellcheck disable=SC2086 # one word each
apt-get download -q $packages
mkdir -p "$root/var/lib/dpkg/status.d"
for deb in *.deb; do
  dpkg-deb --extract "$deb" "$root"
  # Where scanners of images without a package manager look.
  dpkg-deb --field "$deb" >"$root/var/lib/dpkg/status.d/$(dpkg-deb --field "$deb" Package)"
done
rm -rf "$root/usr/share/doc" "$root/usr/share/man" "$root/usr/share/locale" "$root/usr/share/bash-completion" \
  "$root/usr/share/lintian" "$work"

mkdir -p "$root/opt/cni/bin" "$root/etc/cni/net.d" "$root/run/cnikit" "$root/tmp"
: >"$root/run/xtables.lock"
echo 'root:x:0:0:root:/:/usr/sbin/nologin' >"$root/etc/passwd"
echo 'root:x:0:' >"$root/etc/group"
