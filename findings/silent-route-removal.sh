#!/bin/sh
# Guess: a listener for RTM_DELROUTE learns of each route that the kernel removes when a link goes down.
#
# Linux 6.18 reports those of IPv6 only, one message for each route. IPv4 routes vanish without one, and do not come back when
# the link does, so a listener has to conclude it from RTM_NEWLINK. With addresses it is different: when one is deleted,
# IPv4 routes that have it as `src` are removed and reported, IPv6 routes stay and lose their `src` without a notification.
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

unshare --user --map-root-user --net --mount --pid --fork --mount-proc --kill-child sh -eu <<'SH'
ip=$(find "$PWD/root" -name ip -path '*bin/ip' | head -n 1)
$ip -Version
uname -r
for link in pod0 spare0; do
  $ip link add $link type veth peer name $link-far
  $ip link set $link up
  $ip link set $link-far up
done
for host in 1 9; do
  $ip address add 192.0.2.$host/24 dev pod0
  $ip -6 address add 2001:db8::$host/64 dev pod0 nodad
done
$ip route add 198.51.100.0/24 via 192.0.2.2
$ip -6 route add 2001:db8:1::/64 via 2001:db8::2
$ip route add 198.51.101.0/24 dev spare0 src 192.0.2.9
$ip -6 route add 2001:db8:2::/64 dev spare0 src 2001:db8::9
: >seen
$ip monitor route >seen &
# The listener is ready when it has seen a marker, and has seen everything once it has seen the next one.
await() { until grep -q "^$1" seen; do $ip route replace "$1" dev spare0 metric $((metric = ${metric:-0} + 1)); done; }
is_reported() { if grep -q "^Deleted $1" seen; then echo yes; else echo no; fi; }
is_there() { if $ip -"$1" route show exact "$2" | grep -q .; then echo yes; else echo no; fi; }
await 203.0.113.1
$ip address delete 192.0.2.9/24 dev pod0
$ip -6 address delete 2001:db8::9/64 dev pod0
await 203.0.113.2
report() {
  outcome="there $(is_there "$2" "$3"), reported $(is_reported "$3")"
  echo "$1: IPv$2 route: $outcome"
  [ "$outcome" = "$4" ] || { echo "changed: not $4"; exit 1; }
}
report 'without its source address' 4 198.51.101.0/24 'there no, reported yes'
report 'without its source address' 6 2001:db8:2::/64 'there yes, reported no'
$ip link set pod0 down
await 203.0.113.3
report 'without its link' 4 198.51.100.0/24 'there no, reported no'
report 'without its link' 6 2001:db8:1::/64 'there no, reported yes'
SH
echo 'as described: the kernel removes IPv4 routes without a notification'
# Output seen:
#   ip utility, iproute2-6.1.0, libbpf 1.1.2
#   6.18.44
#   without its source address: IPv4 route: there no, reported yes
#   without its source address: IPv6 route: there yes, reported no
#   without its link: IPv4 route: there no, reported no
#   without its link: IPv6 route: there no, reported yes
#   as described: the kernel removes IPv4 routes without a notification
