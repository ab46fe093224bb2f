#!/bin/bash
# programs.sh - makes the programs and images of the newest Kubernetes that cluster.sh runs, from published Go modules.
#
#   programs.sh            all steps below; each is skipped when its product exists
#   programs.sh tools      install the host tools (needs root)
#   programs.sh go         compile the programs (needs Go 1.26 or newer; nine minutes on two cores)
#   programs.sh images     make the pause, busybox and coredns images
#   programs.sh dist DIR   pack the programs into DIR, for KUBELAB_DIST
#   programs.sh clean      remove programs and images
#
# Environment:
#   KUBELAB_SCRATCH  scratch folder (default: kubelab-build in TMPDIR)
#   KUBELAB_BIN      folder of the programs (default: bin beside this script)
#   KUBELAB_IMAGES   folder of the images (default: images beside this script)
#   KUBELAB_DIST     folder with kube.xz, coredns.xz and parts.tar.xz, made by "dist": unpacked instead of compiling
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SCRATCH=${KUBELAB_SCRATCH:-${TMPDIR:-/tmp}/kubelab-build}
BIN=${KUBELAB_BIN:-$HERE/bin}
IMAGES=${KUBELAB_IMAGES:-$HERE/images}
DIST=${KUBELAB_DIST:-}

KUBE_VERSION=v1.37.2
CONTAINERD=v2.4.2
RUNC=v1.5.3
PLUGINS=v1.10.0
COREDNS=v1.15.0
# etcd/go.mod has etcd's version.
KUBE_PROGRAMS="kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl"
CNI="main/bridge main/loopback main/ptp main/host-device main/macvlan main/ipvlan main/vlan main/tap main/dummy
     ipam/host-local ipam/static ipam/dhcp meta/portmap meta/bandwidth meta/firewall meta/tuning meta/sbr meta/vrf"

KUBERNETES=$(dirname "$HERE")
# shellcheck source=../lib/programs.sh
. "$KUBERNETES/lib/programs.sh"

have_all() {
    local p
    for p in kube etcd etcdctl containerd containerd-shim-runc-v2 ctr runc coredns busybox cni/bridge cni/host-local cni/portmap cni/loopback; do
        [ -x "$BIN/$p" ] || return 1
    done
}

step_tools() {
    # shellcheck disable=SC2046
    install_packages $(cluster_packages) $(missing_tools <<-LIST
	musl-gcc musl-tools
	busybox busybox-static
	pkg-config pkg-config
	LIST
    ) $([ -e /usr/include/seccomp.h ] || echo libseccomp-dev)
}

install_go() { # install_go FOLDER MODULE@VERSION [FLAG..]
    local to=$1 what=$2; shift 2
    [ ! -x "$to/$(basename "${what%@*}")" ] || return 0
    say "go: $what"
    GOBIN=$to go install -trimpath -ldflags '-s -w' "$@" "$what"
}

step_go() {
    fresh_bin "$KUBE_VERSION $CONTAINERD $RUNC $PLUGINS $COREDNS"
    if have_all; then return 0; fi
    mkdir -p "$BIN/cni"
    export CGO_ENABLED=0
    local v=k8s.io/component-base/version p
    if [ ! -x "$BIN/kube" ]; then
        say "go: Kubernetes $KUBE_VERSION (six minutes)"
        (cd "$HERE/kube" && go build -trimpath \
            -ldflags "-s -w -X $v.gitVersion=$KUBE_VERSION -X $v.gitMajor=1 -X $v.gitMinor=$(echo $KUBE_VERSION | cut -d. -f2)" \
            -o "$BIN/kube" .)
    fi
    if [ ! -x "$BIN/etcd" ]; then
        say "go: etcd"
        (cd "$HERE/etcd" && go build -trimpath -ldflags '-s -w' -o "$BIN/etcd" .)
    fi
    ln -sfn etcd "$BIN/etcdctl"
    for p in containerd containerd-shim-runc-v2 ctr; do
        install_go "$BIN" "github.com/containerd/containerd/v2/cmd/$p@$CONTAINERD" -tags "no_btrfs no_devmapper no_zfs no_aufs"
    done
    CGO_ENABLED=1 install_go "$BIN" "github.com/opencontainers/runc@$RUNC" -tags seccomp
    install_go "$BIN" "github.com/coredns/coredns@$COREDNS"
    for p in $CNI; do install_go "$BIN/cni" "github.com/containernetworking/plugins/plugins/$p@$PLUGINS"; done
    install -m 755 "$(command -v busybox)" "$BIN/busybox"
    kube_names
}

step_unpack() {
    fresh_bin "$(cat "$DIST/SHA256SUMS")"
    if have_all; then return 0; fi
    (cd "$DIST" && sha256sum --quiet -c SHA256SUMS)
    local p
    for p in kube coredns; do
        [ ! -x "$BIN/$p" ] || continue
        xz -dc "$DIST/$p.xz" >"$BIN/.$p.new"
        chmod 755 "$BIN/.$p.new"; mv "$BIN/.$p.new" "$BIN/$p"
    done
    kube_names
    tar xJmf "$DIST/parts.tar.xz" -C "$BIN" --no-same-owner
}

step_dist() {
    have_all && [ -x "$BIN/pause" ] || die "$BIN lacks programs; run $0 first"
    mkdir -p "$1"
    local p
    for p in kube coredns; do xz -9e -T1 -c "$BIN/$p" >"$1/.new" && mv "$1/.new" "$1/$p.xz"; done
    tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$BIN" -cf - \
        etcd etcdctl containerd containerd-shim-runc-v2 ctr runc busybox pause cni \
        | xz -9e -T1 >"$1/.new" && mv "$1/.new" "$1/parts.tar.xz"
    (cd "$1" && sha256sum ./*.xz >SHA256SUMS)
}

mkdir -p "$SCRATCH"
case ${1:-all} in
all)
    if [ -n "$DIST" ]; then step_unpack; else step_tools; step_go; fi
    step_images
    ;;
tools) step_tools ;;
go) step_go ;;
images) step_images ;;
dist) step_dist "${2:?folder}" ;;
clean) rm -rf "$BIN" "$IMAGES" ;;
*) sed -n '2,/^set -/p' "$0" | sed -n 's/^# \{0,1\}//p' >&2; exit 2 ;;
esac
