#!/bin/sh
# Guess: a connection that no NAT rule matches keeps its source port.
#
# Linux 6.18 translates every connection in a network namespace with a NAT chain, most of them to themselves, and that must
# be unique too. When a client has used one source port for a Service, which `dnat` sends to a pod, and then for that pod
# itself, replies of both would look alike: the kernel gives the second connection another source port, although
# no rule has a statement for sources. The pod sees a port that the client has not bound, and rules or logs for it miss.
# Only connection tracking shows both.
#
# Needs Debian's apt-get and dpkg, python3 to send from one port, and unprivileged user namespaces or root.
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
pod="nsenter --net=/proc/$!/ns/net"
$ip link add pod0 type veth peer name eth0 netns $!
$ip address add 10.1.0.1/24 dev pod0
$ip link set pod0 up
$ip route add default via 10.1.0.2
$pod $ip address add 10.1.0.2/24 dev eth0
$pod $ip link set eth0 up
$nft -f - <<'NFT'
table ip services {
  chain clients {
    type nat hook output priority -100
    ip daddr 10.96.0.1 udp dport 53 dnat to 10.1.0.2
  }
}
NFT
cat >pod.py <<'PY'
import socket

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("10.1.0.2", 53))
print("ready", flush=True)
while True:
    data, (address, port) = server.recvfrom(64)
    server.sendto(str(port).encode(), (address, port))
PY
cat >client.py <<'PY'
import socket, sys

seen = []
for server in sys.argv[1:]:
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.bind(("", 40000))
    client.settimeout(10)
    client.connect((server, 53))
    client.send(b"?")
    seen.append(int(client.recv(64)))
    client.close()
    print(f"from port 40000 to {server}: the pod sees port {seen[-1]}", flush=True)
if seen[0] != 40000 or seen[1] == 40000:
    sys.exit("changed: which connection keeps its port")
PY
$pod python3 pod.py >started &
until grep -q ready started; do :; done
python3 client.py 10.96.0.1 10.1.0.2
SH
echo 'as described: the kernel changes a source port without a rule'
# Output seen:
#   6.18.44
#   nftables v1.0.6 (Lester Gooch #5)
#   from port 40000 to 10.96.0.1: the pod sees port 40000
#   from port 40000 to 10.1.0.2: the pod sees port 4641
#   as described: the kernel changes a source port without a rule
