# shellcheck shell=bash
# Machines: namespaces around a process 1, and the programs in them. Sourced by cluster.sh.

say() { printf '%6.1f s  %s\n' "$(echo "$(date +%s.%N) $T0" | awk '{print $1-$2}')" "$*"; }
die() { printf 'cluster: %s\n' "$*" >&2; exit 1; }

node_names() { local i; for ((i = 1; i <= NODES; i++)); do echo "n$i"; done; }
machines() { echo cp; node_names; }

# until_ok SECONDS COMMAND..: tries about twice a second; KUBELAB_PATIENCE multiplies the seconds.
until_ok() {
    local end=$((SECONDS + $1 * ${KUBELAB_PATIENCE:-1})); shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.3
    done
}

# The holder file has the PID and the start time, which protects against a reused PID.
start_time() { sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

holder() {
    local pid st
    [ -s "$RUN/$1/holder" ] || return 1
    read -r pid st <"$RUN/$1/holder"
    [ -n "$st" ] && [ "$(start_time "$pid")" = "$st" ] || return 1
    echo "$pid"
}

machine_exec() {
    local pid; pid=$(holder "$1") || die "machine $1 does not run"
    shift
    nsenter -t "$pid" -m -u -i -n -p -- "$@"
}

machine_start() {
    local m=$1 u pid= i f
    mkdir -p "$RUN/$m/log"
    setsid unshare --mount --uts --ipc --net --pid --fork --kill-child --propagation private --mount-proc \
        "$BIN/pause" </dev/null >/dev/null 2>&1 &
    u=$!
    for ((i = 0; i < 100; i++)); do
        for f in $(grep -lsx "PPid:[[:space:]]*$u" /proc/[0-9]*/status || true); do
            f=${f#/proc/}; pid=${f%/status}
        done
        [ -n "$pid" ] && [ "$(readlink "/proc/$pid/exe")" = "$(readlink -f "$BIN/pause")" ] && break
        sleep 0.05
    done
    [ -n "$pid" ] || die "machine $m did not start"
    echo "$pid $(start_time "$pid")" >"$RUN/$m/holder"
    disown "$u" 2>/dev/null || true
    machine_exec "$m" "$SELF" __inside "$m"
}

# Runs inside a new machine: its mounts and the local part of its network.
inside() {
    local m=$1 d=$RUN/$1 x k v
    hostname "$m"
    # /sys belongs to the network namespace that mounts it.
    mkdir -p "$d/cg"
    mount --rbind /sys/fs/cgroup "$d/cg"
    umount -l /sys
    mount -t sysfs -o nosuid,nodev,noexec sysfs /sys
    mount --rbind "$d/cg" /sys/fs/cgroup
    umount -l "$d/cg"
    rmdir "$d/cg"
    mount -t tmpfs -o mode=755,nosuid,nodev kubelab-run /run
    mkdir -p /run/lock /run/netns /run/kubelab
    chmod 1777 /run/lock
    for x in $OVERLAYS; do
        mkdir -p "$d/fs/$x" "$d/fs/.$x.work"
        mount -t overlay "kubelab-$x" -o "lowerdir=/$x,upperdir=$d/fs/$x,workdir=$d/fs/.$x.work" "/$x"
    done
    if [ "$m" != cp ]; then
        mount -t bpf bpf /sys/fs/bpf 2>/dev/null || true
        # containerd lays overlays over its own root and kubelet measures its
        # disk: both need a real file system, not an overlay.
        for x in containerd kubelet; do
            mkdir -p "$d/$x" "/var/lib/$x"
            mount --bind "$d/$x" "/var/lib/$x"
        done
        rm -rf /etc/cni /opt/cni /etc/containerd /etc/kubernetes
        mkdir -p /etc/cni/net.d /etc/kubernetes/manifests /opt/cni/bin /var/lib/cni /var/log/pods /var/log/containers
        # kubelet sets these six, which belong to the whole machine. Files that
        # hold the values it wants lie over them, so that it changes nothing.
        for x in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
            kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
            k=${x%=*} v=${x#*=}
            mkdir -p "$d/sysctl/${k%/*}"
            echo "$v" >"$d/sysctl/$k"
            [ ! -e "/proc/sys/$k" ] || mount --bind "$d/sysctl/$k" "/proc/sys/$k"
        done
        # What lies over parts of /proc keeps pods with a user namespace of their own from mounting theirs, unless the
        # node also has a complete one.
        mkdir -p /run/kubelab/proc /run/kubelab/sys
        mount -t proc proc /run/kubelab/proc
        mount -t sysfs sysfs /run/kubelab/sys
        # A node's mounts propagate into its pods that ask for it.
        mount --make-rshared /
    fi
    ip link set lo up
    for x in all default; do echo 0 >"/proc/sys/net/ipv6/conf/$x/accept_dad"; done
    if [ "$m" = cp ]; then
        ip link add br0 type bridge
        ! has4 || ip addr add "$NET4.1/24" dev br0
        ! has6 || ip -6 addr add "${NET6}1/64" dev br0 nodad
        ip link set br0 up
    fi
    echo 1 >/proc/sys/net/ipv4/ip_forward
    echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
    for x in /proc/sys/net/bridge/bridge-nf-call-ip{,6}tables; do
        if [ -e "$x" ]; then
            if [ "$m" = cp ]; then echo 0 >"$x"; else echo 1 >"$x"; fi
        fi
    done
}

cable() {   # joins node $1 to the bridge
    local m=$1 i=${1#n} cp n
    cp=$(holder cp) n=$(holder "$m")
    nsenter -t "$cp" -n ip link add "$m" type veth peer name eth0 netns "$n"
    nsenter -t "$cp" -n ip link set "$m" master br0 up
    nsenter -t "$n" -n ip link set eth0 up
    if has4; then
        nsenter -t "$n" -n ip addr add "$NET4.1$i/24" dev eth0
        nsenter -t "$n" -n ip route add default via "$NET4.1"
    fi
    if has6; then
        nsenter -t "$n" -n ip -6 addr add "${NET6}1$i/64" dev eth0 nodad
        nsenter -t "$n" -n ip -6 route add default via "${NET6}1"
    fi
}

# daemon MACHINE NAME COMMAND..: its PID file, in the machine's own numbers, is
# RUN/MACHINE/NAME.pid; its log RUN/MACHINE/log/NAME.log
daemon() {
    local m=$1 n=$2; shift 2
    printf '%s\0' "$@" >"$RUN/$m/$n.cmd"
    # shellcheck disable=SC2016
    machine_exec "$m" env -i PATH="$PATH" HOME=/root LANG=C.UTF-8 /bin/sh -c 'log=$1 pidf=$2; shift 2; cd /
        exec </dev/null >>"$log" 2>&1
        setsid "$@" & echo $! >"$pidf"' sh "$RUN/$m/log/$n.log" "$RUN/$m/$n.pid" "$@"
}

daemon_alive() {
    [ -s "$RUN/$1/$2.pid" ] || return 1
    machine_exec "$1" /bin/sh -c "kill -0 $(cat "$RUN/$1/$2.pid")" 2>/dev/null
}

cgroups_are_v2() { [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]; }

# On version 2, containers get a controller only if every group above them passes it on, and a group that passes
# controllers on must have no processes of its own (except the root of the machine).
cgroups_make() {
    local c d
    if cgroups_are_v2; then
        d=/sys/fs/cgroup/$CGROUP-$1
        if [ -e /sys/fs/cgroup/cgroup.type ]; then
            # This is a container, and its root group has processes: they move to a group beside the machines'.
            mkdir -p /sys/fs/cgroup/kubelab-host
            while read -r c; do
                echo "$c" >/sys/fs/cgroup/kubelab-host/cgroup.procs 2>/dev/null || true
            done </sys/fs/cgroup/cgroup.procs
        fi
        mkdir -p "$d"
        for c in $(cat /sys/fs/cgroup/cgroup.controllers); do
            echo "+$c" >/sys/fs/cgroup/cgroup.subtree_control ||
                die "cannot enable the control group controller $c; run as root, outside of a restricted container"
            echo "+$c" >"$d/cgroup.subtree_control"
        done
        return 0
    fi
    for c in /sys/fs/cgroup/*/; do
        case $c in */unified/) continue ;; esac
        d=$c$CGROUP-$1
        mkdir -p "$d"
        if [ -e "$d/cpuset.cpus" ]; then
            cat "${c}cpuset.cpus" >"$d/cpuset.cpus"
            cat "${c}cpuset.mems" >"$d/cpuset.mems"
        fi
    done
}

# The groups of a machine: one on version 2, one for each controller on version 1.
cgroups_of() { ls -d /sys/fs/cgroup/"$CGROUP-$1" /sys/fs/cgroup/*/"$CGROUP-$1" 2>/dev/null || true; }

cgroups_remove() {
    local c i
    for ((i = 0; i < 50; i++)); do
        for c in $(cgroups_of "$1"); do
            find "$c" -depth -type d -exec rmdir {} + 2>/dev/null || true
        done
        [ -n "$(cgroups_of "$1")" ] || return 0
        sleep 0.1
    done
    say "cgroups of $1 are still there"
    return 1
}
