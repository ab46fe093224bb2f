#!/bin/sh
# Guess: a program waits for a deletion in nftables until the kernel acknowledges it, and closing the socket then takes no time.
#
# Linux 6.18 frees what was deleted in the background, after an RCU grace period, and the close of any netfilter socket in
# the network namespace waits for that, also of one that has sent nothing: milliseconds, where a transaction takes
# microseconds. The close holds the lock of nftables too, so that transactions of other programs, which need not wait for
# the grace period, wait with it. The kernel looks for tables that belong to the socket, and does so for sockets that have
# none. An exit closes sockets as well: a program avoids the wait only by leaving its socket open in another process.
#
# Needs python3, and unprivileged user namespaces or root.
set -eu

unshare --user --map-root-user --net python3 - <<'PY'
import platform, resource, socket, statistics, struct, sys, time

NETLINK_ROUTE, NETLINK_NETFILTER = 0, 12
NLM_F_REQUEST, NLM_F_ACK, NLM_F_CREATE = 1, 4, 0x400
BATCH_BEGIN, BATCH_END = 16, 17
NFT = 10
NEWTABLE, DELTABLE = NFT << 8 | 0, NFT << 8 | 2


def message(kind, flags, family, resource_id, attributes=b""):
    body = struct.pack("!BBH", family, 0, resource_id) + attributes
    return struct.pack("=IHHII", 16 + len(body), kind, NLM_F_REQUEST | flags, 0, 0) + body


def open_socket(protocol):
    opened = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
    opened.bind((0, 0))
    return opened


def commit(kind, flags=0):
    name = struct.pack("=HH8s", 12, 1, b"demo")
    table = message(kind, flags | NLM_F_ACK, socket.AF_INET, 0, name)
    changes.send(message(BATCH_BEGIN, 0, 0, NFT) + table + message(BATCH_END, 0, 0, NFT))
    error = struct.unpack_from("=i", changes.recv(4096), 16)[0]
    if error:
        sys.exit(f"nftables: error {error}")


def closes(title, protocol, is_deletion, expected):
    waits, times = 0, []
    for _ in range(20):
        unused = open_socket(protocol)
        commit(NEWTABLE, NLM_F_CREATE)
        if is_deletion:
            commit(DELTABLE)
        switches = resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
        start = time.monotonic()
        unused.close()
        times.append(time.monotonic() - start)
        # To wait is to switch voluntarily, however busy the machine is.
        waits += resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw > switches
        if not is_deletion:
            commit(DELTABLE)
            open_socket(NETLINK_NETFILTER).close()
    print(f"{title}: {waits} of 20 closes waited, median {statistics.median(times) * 1000:.3f} ms")
    if (waits > 10) != expected:
        sys.exit("changed: which closes wait")


print(platform.release())
changes = open_socket(NETLINK_NETFILTER)
closes("unused netfilter socket, after an addition", NETLINK_NETFILTER, False, False)
closes("unused route socket, after a deletion", NETLINK_ROUTE, True, False)
closes("unused netfilter socket, after a deletion", NETLINK_NETFILTER, True, True)
PY
echo 'as described: the close of any netfilter socket waits after a deletion'
# Output seen:
#   6.18.44
#   unused netfilter socket, after an addition: 0 of 20 closes waited, median 0.009 ms
#   unused route socket, after a deletion: 0 of 20 closes waited, median 0.003 ms
#   unused netfilter socket, after a deletion: 20 of 20 closes waited, median 15.571 ms
#   as described: the close of any netfilter socket waits after a deletion
