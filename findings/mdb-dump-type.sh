#!/bin/sh
# Guess: the kernel answers a dump of rtnetlink with messages of type RTM_NEW…, as RTM_GETLINK with RTM_NEWLINK.
#
# Linux 6.18 answers RTM_GETMDB, the dump of multicast groups of bridges, with messages of type RTM_GETMDB. Notifications
# of the same entries are RTM_NEWMDB. A program that keeps only RTM_NEWMDB of a dump sees no groups and no error.
#
# Needs Debian's apt-get and dpkg, python3 to send the request, and unprivileged user namespaces or root.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq iproute2=6.1.0-3 libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1 libmnl0=1.0.4-3
for package in ./*.deb; do dpkg -x "$package" root; done
LD_LIBRARY_PATH=$(dirname "$(find "$dir/root" -name 'libmnl.so.0')")
export LD_LIBRARY_PATH

unshare --user --map-root-user --net sh -eu <<'SH'
bin=$(dirname "$(find root -name bridge -path '*bin/bridge' | head -n 1)")
ip=$(find root -name ip -path '*bin/ip' | head -n 1)
$ip -Version
uname -r
$ip link add br0 type bridge
$ip link add port0 type veth peer name port1
$ip link set port0 master br0
$ip link set br0 up
$ip link set port0 up
cat >dump.py <<'PY'
import socket, struct, subprocess, sys

AF_BRIDGE, RTM_GETLINK, RTM_NEWMDB, RTM_GETMDB, NLM_F_DUMP, NLMSG_DONE, RTNLGRP_MDB = 7, 18, 84, 86, 0x301, 3, 26

def messages(data):
    while data:
        length, kind = struct.unpack_from("=IH", data)
        yield kind
        data = data[(length + 3) & ~3:]

def dump(kind, header):
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as netlink:
        netlink.send(struct.pack("=IHHII", 16 + len(header), kind, NLM_F_DUMP, 1, 0) + header)
        kinds = set()
        while NLMSG_DONE not in kinds:
            kinds.update(messages(netlink.recv(65536)))
        return kinds - {NLMSG_DONE}

with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as monitor:
    monitor.bind((0, 0))
    monitor.setsockopt(270, 1, RTNLGRP_MDB)  # SOL_NETLINK, NETLINK_ADD_MEMBERSHIP
    subprocess.run([sys.argv[1], *"mdb add dev br0 port port0 grp 239.1.1.1 permanent".split()], check=True)
    told = set(messages(monitor.recv(65536)))
links = dump(RTM_GETLINK, struct.pack("=BxHiII", 0, 0, 0, 0, 0))
groups = dump(RTM_GETMDB, struct.pack("=BxxxI", AF_BRIDGE, 0))
print("dump of links:", links, "dump of groups:", groups, "notification:", told)
raise SystemExit(0 if groups == {RTM_GETMDB} and told == {RTM_NEWMDB} and links == {16} else "changed: the types")
PY
python3 dump.py "$bin/bridge"
SH
echo 'as described: a dump of groups is answered with RTM_GETMDB (86), not with RTM_NEWMDB (84)'
# Output seen:
#   ip utility, iproute2-6.1.0, libbpf 1.1.2
#   6.18.44
#   dump of links: {16} dump of groups: {86} notification: {84}
