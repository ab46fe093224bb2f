#!/bin/sh
# Usage: rootfs.sh FOLDER. Unpacks only the Debian packages that the agent needs into FOLDER; runs in a Debian image.
set -eu
root=$1

# The remaining dependencies are only used to configure packages, and nothing is configured here.
packages="base-files libc6 libgcc-s1 libstdc++6 iptables libip4tc2 libip6tc2 libxtables12
  libmnl0 libnfnetlink0 libnetfilter-conntrack3 libnftnl11 netbase"

work=$(mktemp -d)
cd "$work"
apt-get update -q
# shellcheck disable=SC2086 # splits into one argument per package
apt-get download -q $packages
mkdir -p "$root/var/lib/dpkg/status.d"
for deb in *.deb; do
  dpkg-deb --extract "$deb" "$root"
  # Image scanners look here when there is no package manager.
  dpkg-deb --field "$deb" >"$root/var/lib/dpkg/status.d/$(dpkg-deb --field "$deb" Package)"
done
rm -rf "$root/usr/share/doc" "$root/usr/share/man" "$root/usr/share/locale" "$root/usr/share/bash-completion" \
  "$root/usr/share/lintian" "$work"

mkdir -p "$root/opt/cni/bin" "$root/etc/cni/net.d" "$root/run/cnikit" "$root/tmp"
: >"$root/run/xtables.lock"
echo 'root:x:0:0:root:/:/usr/sbin/nologin' >"$root/etc/passwd"
echo 'root:x:0:' >"$root/etc/group"
