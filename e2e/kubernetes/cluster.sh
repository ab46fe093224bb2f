#!/bin/bash
# cluster.sh - a small real Kubernetes on one machine: etcd, API server, controller manager, scheduler, and nodes with
# containerd, kubelet and kube-proxy, in namespaces. No CNI plugin is installed: nodes stay NotReady until one is.
# Needs root; newest/programs.sh or oldest/programs.sh makes the programs.
#
#   cluster.sh up            start the control plane and the nodes, and wait until the nodes are registered
#   cluster.sh down          end all processes and remove the state folder
#   cluster.sh status        list processes, nodes and pods
#   cluster.sh kubectl ARG.. kubectl as cluster administrator
#   cluster.sh exec M CMD..  run a command inside machine M: cp, n1, n2, ...
#   cluster.sh start M NAME CMD..  the same in the background; its log is M/log/NAME.log in the state folder
#   cluster.sh stop M NAME [SIGNAL]     end a process that "start" or "up" started
#   cluster.sh resume M NAME [OPTION..] start a stopped process again, with more options at the end
#   cluster.sh load ARCHIVE  import a docker/OCI image archive on all nodes
#
# Each machine is a set of namespaces (PID, mount, network, UTS, IPC) with its own process 1, whose end ends all others.
# In each, /etc, /opt, /var, /usr and /root are overlays over the host's folders, and /run is a tmpfs: a CNI agent finds
# the usual paths, different in each node, and its files do not outlive the cluster. All other files, and some sysctls
# of the kernel, are shared with the host.
#
#   cp  172.30.0.1, fd00:172:30::1     etcd, kube-apiserver (:6443), controller-manager, scheduler; also the bridge "br0" between machines
#   nN  172.30.0.1N, fd00:172:30::1N   containerd, kubelet, kube-proxy
#
# Environment (for "up"; the later calls need KUBELAB_RUN only):
#   KUBELAB_RUN      state folder, not under /etc /opt /var /usr /root /run (default: kubelab-run in TMPDIR)
#   KUBELAB_BIN      the programs (default: bin beside this script)
#   KUBELAB_IMAGES   image archives (default: images beside this script)
#   KUBELAB_NODES    how many nodes (default 2, at most 9)
#   KUBELAB_FAMILY   addresses of machines, pods and services: dual (default), ipv4 or ipv6; the API server has the same
#   KUBELAB_PROXY    kube-proxy's mode on each node: iptables (default), nftables (newest only), ipvs; 0: none
#   KUBELAB_CNI_FIRST  folder in each node that containerd searches for plugins before /opt/cni/bin (newest only)
#   KUBELAB_PATIENCE factor of all time limits, for a slow machine (default 1)
#   KUBELAB_KUBERNETES  newest (default: 1.37, containerd 2.4) or oldest (1.20, containerd 1.6)
set -euo pipefail

SELF=$(readlink -f "${BASH_SOURCE[0]}")
HERE=$(dirname "$SELF")
RUN=$(readlink -m "${KUBELAB_RUN:-${TMPDIR:-/tmp}/kubelab-run}")
CGROUP=kubelab$(printf %s "$RUN" | cksum | cut -d' ' -f1)
BIN=${KUBELAB_BIN:-$HERE/bin}
IMAGES=${KUBELAB_IMAGES:-$HERE/images}
NODES=${KUBELAB_NODES:-2}
FAMILY=${KUBELAB_FAMILY:-dual}
PROXY=${KUBELAB_PROXY:-iptables}
KUBERNETES=${KUBELAB_KUBERNETES:-newest}
V=1
# A running cluster keeps the settings of "up".
# shellcheck disable=SC1091
[ ! -s "$RUN/settings" ] || . "$RUN/settings"
PATH=$BIN:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH

NET4=172.30.0 NET6=fd00:172:30::
POD4=10.244.0.0/16 POD6=fd00:10:244::/56
SVC4=10.96.0.0/16 SVC6=fd00:10:96::/112
has4() { [ "$FAMILY" != ipv6 ]; }
has6() { [ "$FAMILY" != ipv4 ]; }
# both IPV4 IPV6: the values of the families in use, separated by a comma
both() { case $FAMILY in dual) echo "$1,$2" ;; ipv4) echo "$1" ;; ipv6) echo "$2" ;; esac; }
if has4; then
    CP_IP=$NET4.1 API=https://$NET4.1:6443 SVC_FIRST=10.96.0.1 DNS_IP=10.96.0.10
else
    CP_IP=${NET6}1 API=https://[${NET6}1]:6443 SVC_FIRST=fd00:10:96::1 DNS_IP=fd00:10:96::a
fi
OVERLAYS="etc opt var usr root"

T0=$(date +%s.%N)
for part in machines keys control-plane node; do
    # shellcheck disable=SC1090
    . "$HERE/lib/$part.sh"
done

cmd_up() {
    [ "$(id -u)" = 0 ] || die "needs root"
    for p in $OVERLAYS run proc sys dev; do
        case $RUN/ in "/$p"/*) die "KUBELAB_RUN must not lie under /$p, which differs in each machine: $RUN" ;; esac
    done
    local p m
    for p in etcd kube-apiserver kube-controller-manager kube-scheduler kubelet kubectl containerd ctr runc pause; do
        [ -x "$BIN/$p" ] || die "$BIN/$p is missing; run $HERE/$KUBERNETES/programs.sh"
    done
    [ ! -e "$RUN/cp" ] || die "$RUN is in use; run: $0 down"
    case $KUBERNETES in newest | oldest) ;; *) die "KUBELAB_KUBERNETES must be newest or oldest, not $KUBERNETES" ;; esac
    case $FAMILY in dual | ipv4 | ipv6) ;; *) die "KUBELAB_FAMILY must be dual, ipv4 or ipv6, not $FAMILY" ;; esac
    mkdir -p "$RUN/cp"
    printf 'NODES=%q FAMILY=%q PROXY=%q V=%q BIN=%q KUBERNETES=%q\n' \
        "$NODES" "$FAMILY" "$PROXY" "$V" "$BIN" "$KUBERNETES" >"$RUN/settings"
    keys
    say "keys are made"
    for m in $(machines); do machine_start "$m"; done
    for m in $(node_names); do cable "$m"; done
    say "machines are up: $(machines | tr '\n' ' ')"
    control_plane_first
    for m in $(node_names); do node_runtime "$m"; done
    say "containerd is up on $NODES nodes"
    control_plane_second
    for m in $(node_names); do node_kubelet "$m"; done
    for m in $(node_names); do
        until_ok 90 kctl get node "$m" || die "node $m did not register; see $RUN/$m/log/kubelet.log"
    done
    say "all nodes are registered"
    until_ok 60 have_pod_cidrs || die "the controller manager gave out no pod CIDRs"
    until_ok 60 kctl -n default get serviceaccount default || die "no default service account"
    say "up"
    kctl get nodes -o wide
}

have_pod_cidrs() {
    [ "$(kctl get nodes -o json | jq '[.items[] | select(.spec.podCIDR)] | length')" = "$NODES" ]
}

# ---------------------------------------------------------------- down

cmd_down() {
    local m pid d rc=0
    [ -e "$RUN" ] || { say "nothing in $RUN"; return 0; }
    for d in "$RUN"/*/; do
        [ -d "$d" ] || continue
        m=$(basename "$d")
        if pid=$(holder "$m"); then
            kill -9 "$pid"
            until_ok 20 test ! -e "/proc/$pid" || { say "process 1 of $m ($pid) does not end"; rc=1; }
        fi
        cgroups_remove "$m" || rc=1
    done
    if [ $rc = 0 ]; then rm -rf --one-file-system "$RUN"; say "down"; fi
    return $rc
}

# ---------------------------------------------------------------- the rest

cmd_status() {
    local m p
    [ -e "$RUN/cp" ] || { echo "no cluster in $RUN"; return 1; }
    for m in $(cd "$RUN" && ls -d cp n[0-9] 2>/dev/null); do
        if p=$(holder "$m"); then printf '%s: process 1 is %s;' "$m" "$p"; else echo "$m: down"; continue; fi
        for p in "$RUN/$m"/*.pid; do
            p=$(basename "$p" .pid)
            if daemon_alive "$m" "$p"; then printf ' %s' "$p"; else printf ' %s(DEAD)' "$p"; fi
        done
        echo
    done
    kctl get --raw /version | jq -r '"API server " + .gitVersion + " at '"$API"'"'
    kctl get nodes -o wide
    kctl get pods -A -o wide
}

# cmd_stop MACHINE NAME [SIGNAL]
cmd_stop() {
    local pid
    daemon_alive "$1" "$2" || die "$2 does not run on $1"
    pid=$(cat "$RUN/$1/$2.pid")
    machine_exec "$1" /bin/kill -"${3:-TERM}" "$pid"
    until_ok 20 machine_exec "$1" test ! -e "/proc/$pid" || die "$2 on $1 does not end"
    rm -f "$RUN/$1/$2.pid"
}

cmd_load() {
    local m
    for m in $(node_names); do machine_exec "$m" ctr -n k8s.io images import - <"$1"; done
}

PKI=$RUN/pki
export KUBELAB_RUN=$RUN
case ${1:-} in
up) cmd_up ;;
down) cmd_down ;;
status) cmd_status ;;
kubectl) shift; kctl "$@" ;;
exec) m=${2:?machine}; shift 2; machine_exec "$m" "$@" ;;
start) m=${2:?machine}; n=${3:?name}; shift 3; ! daemon_alive "$m" "$n" || die "$n runs already"; daemon "$m" "$n" "$@" ;;
stop) cmd_stop "${2:?machine}" "${3:?name}" "${4:-}" ;;
resume) mapfile -d '' -t args <"$RUN/${2:?machine}/${3:?name}.cmd"; m=$2 n=$3; shift 3; daemon "$m" "$n" "${args[@]}" "$@" ;;
load) cmd_load "${2:?archive}" ;;
__inside) inside "$2" ;;
*) sed -n '2,/^set -/p' "$SELF" | sed -n 's/^# \{0,1\}//p' >&2; exit 2 ;;
esac
