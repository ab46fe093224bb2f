#!/bin/bash
# programs.sh - makes the programs and images of the oldest Kubernetes that cluster.sh runs, from Debian's packages:
# 1.20.2, whose full source Debian has. All six programs are one file with six names.
#
#   programs.sh            all steps below; each is skipped when its product exists
#   programs.sh tools      install the compiler and the host tools (needs root)
#   programs.sh fetch      download the source package and the binary packages
#   programs.sh kube       compile the Kubernetes 1.20.2 programs
#   programs.sh parts      unpack etcd, containerd, runc, CNI plugins, busybox
#   programs.sh images     make the pause and busybox images
#   programs.sh clean      remove programs, images and the scratch folder
#
# Environment:
#   KUBELAB_SCRATCH  scratch folder (default: kubelab-build in TMPDIR)
#   KUBELAB_BIN      where the programs go (default: bin beside this script)
#   KUBELAB_DIST     folder with kube.xz and parts.tar.xz: unpacked instead of compiling
#   KUBELAB_APT      apt options that give the bookworm suite with its sources;
#                    unset: a private list is derived from the machine's own
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SCRATCH=${KUBELAB_SCRATCH:-${TMPDIR:-/tmp}/kubelab-build}
BIN=${KUBELAB_BIN:-$HERE/bin}
IMAGES=${KUBELAB_IMAGES:-$HERE/images}
DIST=${KUBELAB_DIST:-}

SRC_VERSION='1.20.5+really1.20.2-1.1+deb12u1'
KUBE_VERSION=v1.20.2
# The commit that the v1.20.2 tag names and the day of that tag.
KUBE_COMMIT=faecb196815e248d3ecfb03c680a4507229c2a56
KUBE_DATE=2021-01-13T13:20:00Z
KUBE_PROGRAMS="kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl"
SUITE=bookworm
GO_PKG=golang-1.19-go
PARTS="etcd-server etcd-client containerd runc busybox-static containernetworking-plugins golang-github-modern-go-reflect2-dev"

KUBERNETES=$(dirname "$HERE")
# shellcheck source=../lib/programs.sh
. "$KUBERNETES/lib/programs.sh"

GOBIN_DIR=
find_go() {
    local d
    GOBIN_DIR=
    for d in "$(dpkg -L $GO_PKG 2>/dev/null | grep -x '/usr/lib/go-1\.[0-9]*/bin/go' || true)" "$(command -v go || true)"; do
        [ -n "$d" ] && [ -e "$d" ] || continue
        if "$d" version | grep -q ' go1\.19'; then GOBIN_DIR=$(dirname "$d"); return 0; fi
    done
    return 1
}

step_tools() {
    # shellcheck disable=SC2046
    install_packages $(find_go || echo $GO_PKG) $(cluster_packages) $(missing_tools <<-LIST
	musl-gcc musl-tools
	zstd zstd
	LIST
    )
}

# apt options for the bookworm suite with sources: the caller's, or a private
# list whose address and key are those that the machine itself is set up with.
apt_opts() {
    if [ -n "${KUBELAB_APT:-}" ]; then printf '%s\n' "$KUBELAB_APT"; return; fi
    local d=$SCRATCH/apt uri key
    if [ ! -e "$d/ok" ]; then
        mkdir -p "$d/lists/partial" "$d/cache/archives/partial"
        read -r uri key < <(apt-get indextargets --format '$(ORIGIN)|$(COMPONENT)|$(LABEL)|$(REPO_URI) $(SIGNED_BY)' 'Created-By: Packages' \
            | awk -F'|' '$1=="Debian" && $2=="main" && $3=="Debian" {print $4; exit}') || true
        [ -n "${uri:-}" ] || die "no Debian archive in the machine's apt set-up; set KUBELAB_APT"
        case ${key:-} in /*) ;; *) key=/usr/share/keyrings/debian-archive-keyring.gpg ;; esac
        local by="[signed-by=$key]"
        printf 'deb %s %s %s main\ndeb-src %s %s %s main\n' "$by" "$uri" $SUITE "$by" "$uri" $SUITE >"$d/sources.list"
    fi
    local o="-o Dir::Etc::sourcelist=$d/sources.list -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists=$d/lists -o Dir::Cache=$d/cache -o APT::Sandbox::User=root"
    if [ ! -e "$d/ok" ]; then
        # shellcheck disable=SC2086
        apt-get $o -qq update >&2 && touch "$d/ok"
    fi
    printf '%s\n' "$o"
}

have_all_kube() {
    local p
    for p in $KUBE_PROGRAMS; do
        [ -x "$BIN/$p" ] || return 1
        [ "$BIN/$p" -ef "$BIN/kube" ] || return 1
    done
}
have_parts() { local p; for p in etcd etcdctl containerd containerd-shim-runc-v2 ctr runc busybox cni/bridge cni/host-local cni/portmap cni/loopback; do [ -x "$BIN/$p" ] || return 1; done; }

step_fetch() {
    local o p; o=$(apt_opts)
    mkdir -p "$SCRATCH/debs"; cd "$SCRATCH/debs"
    if ! have_all_kube && [ ! -e "kubernetes_${SRC_VERSION%-*}.orig.tar.gz" ]; then
        say "fetch: source package kubernetes $SRC_VERSION"
        # shellcheck disable=SC2086
        apt-get $o source --download-only -qq kubernetes="$SRC_VERSION"
    fi
    for p in $PARTS; do
        ls "${p}"_*.deb >/dev/null 2>&1 && continue
        if [ "$p" != golang-github-modern-go-reflect2-dev ]; then have_parts && continue
        else have_all_kube && continue; fi
        say "fetch: package $p"
        # shellcheck disable=SC2086
        apt-get $o download -qq "$p/$SUITE" || apt-get $o download -qq "$p"
    done
}

step_kube() {
    if have_all_kube; then say "kube: programs already in $BIN"; return 0; fi
    find_go || die "Go 1.19 is not installed (programs.sh tools)"
    export PATH=$GOBIN_DIR:$PATH GOPATH=$SCRATCH/gopath GO111MODULE=off CGO_ENABLED=0 \
        GOCACHE=$SCRATCH/gocache GOFLAGS= GOTOOLCHAIN=local GOPROXY=off GOTMPDIR=
    local root=$GOPATH/src/k8s.io/kubernetes
    if [ ! -e "$root/.unpacked" ]; then
        say "kube: unpacking the source"
        rm -rf "$root"; mkdir -p "$root"
        tar xzf "$SCRATCH/debs/kubernetes_${SRC_VERSION%-*}.orig.tar.gz" -C "$root" --strip-components=1
        # reflect2 1.0.1, as vendored, calls reflect.mapiterinit with the
        # signature it had before Go 1.18 and corrupts memory when built with
        # 1.18 or later (every JSON encoding of a map). 1.0.2 is the fix.
        rm -rf "$SCRATCH/reflect2"; mkdir -p "$SCRATCH/reflect2"
        dpkg-deb -x "$SCRATCH"/debs/golang-github-modern-go-reflect2-dev_*.deb "$SCRATCH/reflect2"
        local r=$root/vendor/github.com/modern-go/reflect2
        rm -f "$r"/*.go "$r"/*.s
        cp "$SCRATCH"/reflect2/usr/share/gocode/src/github.com/modern-go/reflect2/*.go "$r/"
        cp "$SCRATCH"/reflect2/usr/share/gocode/src/github.com/modern-go/reflect2/*.s "$r/"
        touch "$root/.unpacked"
    fi
    cd "$root"
    # The one generated file that the source package lacks: the OpenAPI
    # definitions of the API server.
    local gen=pkg/generated/openapi/zz_generated.openapi.go
    if [ ! -s $gen ]; then
        say "kube: generating $gen"
        go build -trimpath -o "$SCRATCH/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
        local dirs
        dirs=$(grep -rlE --include='*.go' '^// *\+k8s:openapi-gen=' staging/src/k8s.io pkg cmd plugin \
            | grep -vE '/(code-generator|sample-apiserver|testdata)/|_test\.go$' \
            | xargs -n1 dirname | LC_ALL=C sort -u \
            | sed -e 's,^staging/src,vendor,' -e 's,^,k8s.io/kubernetes/,' | paste -sd, -)
        "$SCRATCH/openapi-gen" --logtostderr --v 0 -i "$dirs" \
            -p k8s.io/kubernetes/pkg/generated/openapi -O zz_generated.openapi \
            -h vendor/k8s.io/code-generator/hack/boilerplate.go.txt \
            -r "$SCRATCH/openapi-violations.report"
        [ -s $gen ] || die "openapi-gen wrote nothing"
    fi
    local ld="-s -w" k pk
    for pk in k8s.io/kubernetes/vendor/k8s.io/component-base/version k8s.io/kubernetes/vendor/k8s.io/client-go/pkg/version; do
        for k in gitVersion=$KUBE_VERSION gitMajor=1 gitMinor=20 gitCommit=$KUBE_COMMIT gitTreeState=archive buildDate=$KUBE_DATE; do
            ld="$ld -X $pk.$k"
        done
    done
    mkdir -p "$BIN"
    mkdir -p cmd/kube
    cp "$HERE/kube.go" cmd/kube/
    # Without the cloud providers and dockershim, by the source's own build tags.
    compile kube "$ld" -tags 'providerless dockerless'
    kube_names
}

compile() { # compile PROGRAM LDFLAGS [FLAG..]
    local p=$1 ld=$2 t=$SECONDS; shift 2
    say "kube: compiling $p"
    go build -trimpath -ldflags "$ld" "$@" -o "$BIN/.$p.new" "./cmd/$p"
    mv "$BIN/.$p.new" "$BIN/$p"
    say "kube: $p done in $((SECONDS - t)) s, $(stat -c %s "$BIN/$p") bytes"
}

step_parts() {
    if have_parts; then say "parts: already in $BIN"; return 0; fi
    say "parts: unpacking"
    local x=$SCRATCH/parts p
    rm -rf "$x"; mkdir -p "$x" "$BIN/cni"
    for p in $PARTS; do
        [ "$p" != golang-github-modern-go-reflect2-dev ] || continue
        dpkg-deb -x "$SCRATCH/debs/${p}"_*.deb "$x"
    done
    install -m 755 "$x"/usr/bin/{etcd,etcdctl,containerd,containerd-shim-runc-v2,ctr} "$x"/usr/sbin/runc "$BIN/"
    install -m 755 "$x"/bin/busybox "$BIN/"
    install -m 755 "$x"/usr/lib/cni/* "$BIN/cni/"
    rm -rf "$x"
}

step_unpack() {
    fresh_bin "$(cat "$DIST/SHA256SUMS")"
    (cd "$DIST" && sha256sum --quiet -c SHA256SUMS)
    if ! have_all_kube; then
        rm -f "$BIN/kube"
        xz -dc "$DIST/kube.xz" >"$BIN/.kube.new"
        chmod 755 "$BIN/.kube.new"; mv "$BIN/.kube.new" "$BIN/kube"
        kube_names
    fi
    have_parts || tar xJmf "$DIST/parts.tar.xz" -C "$BIN" --no-same-owner
}

step_clean() {
    rm -rf "$BIN" "$IMAGES"
    # Go makes nothing read-only here (no module cache), so rm is enough.
    rm -rf "$SCRATCH"/{gopath,gocache,reflect2,debs,apt,parts,openapi-gen,openapi-violations.report,apt.log}
    rmdir "$SCRATCH" 2>/dev/null || true
}

mkdir -p "$SCRATCH"
case ${1:-all} in
all)
    t0=$SECONDS
    if [ -n "$DIST" ]; then step_unpack; step_images
    else step_tools; step_fetch; step_parts; step_images; step_kube; fi
    say "all there after $((SECONDS - t0)) s"
    ;;
tools) step_tools ;;
fetch) step_fetch ;;
kube) step_fetch; step_kube ;;
parts) step_fetch; step_parts ;;
images) step_images ;;
clean) step_clean ;;
*) sed -n '2,/^set -/p' "$0" | sed -n 's/^# \{0,1\}//p' >&2; exit 2 ;;
esac
