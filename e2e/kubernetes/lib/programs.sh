# shellcheck shell=bash
# Messages and image archives for newest/programs.sh and oldest/programs.sh, which source this file.

say() { printf '%s programs: %s\n' "$(date +%H:%M:%S)" "$*"; }
die() { printf 'programs: %s\n' "$*" >&2; exit 1; }

# fresh_bin STAMP: makes $BIN, and empties it when its programs are of other versions.
fresh_bin() {
    if [ -e "$BIN" ] && [ "$(cat "$BIN/.stamp" 2>/dev/null)" != "$1" ]; then rm -rf "$BIN"; fi
    mkdir -p "$BIN"
    echo "$1" >"$BIN/.stamp"
}

kube_names() { local p; for p in $KUBE_PROGRAMS; do ln -sfn kube "$BIN/$p"; done; }

# missing_tools: reads lines "COMMAND PACKAGE"; prints the packages of commands that are not installed.
missing_tools() {
    local c p
    while read -r c p; do
        command -v "$c" >/dev/null 2>&1 || [ -x "/usr/sbin/$c" ] || [ -x "/sbin/$c" ] || echo "$p"
    done
}

install_packages() {
    [ $# -gt 0 ] || return 0
    say "tools: installing $*"
    # apt does not wait for the lists of another apt, so commands of this project wait for each other.
    local apt='flock /var/lib/apt env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=600'
    $apt update || say "apt-get update failed; trying to install anyway"
    $apt install -y --no-install-recommends "$@" >"$SCRATCH/apt.log" 2>&1 \
        || { tail -20 "$SCRATCH/apt.log" >&2; die "apt-get install failed; see $SCRATCH/apt.log"; }
}

# Packages that both clusters need at run time.
cluster_packages() {
    missing_tools <<-LIST
	xz xz-utils
	jq jq
	openssl openssl
	ip iproute2
	iptables iptables
	nft nftables
	conntrack conntrack
	ethtool ethtool
	socat socat
	nsenter util-linux
	LIST
    ldconfig -p | grep -q 'libseccomp\.so\.2' || echo libseccomp2
}

# docker_archive NAME ROOTFS-DIR ENTRYPOINT-JSON CMD-JSON OUT: a one-layer image
# in the "docker save" form, the same bytes each time.
docker_archive() {
    local name=$1 root=$2 entry=$3 cmd=$4 out=$5 t id cfg
    t=$(mktemp -d "$SCRATCH/img.XXXXXX")
    local det="--sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --format=gnu"
    mkdir "$t/l"
    # shellcheck disable=SC2086
    tar $det -C "$root" -cf "$t/l/layer.tar" .
    id=$(sha256sum "$t/l/layer.tar" | cut -d' ' -f1)
    mv "$t/l" "$t/$id"
    jq -cn --arg id "sha256:$id" --argjson e "$entry" --argjson c "$cmd" '{
        architecture: "amd64", os: "linux", created: "1970-01-01T00:00:00Z",
        config: {Env: ["PATH=/bin:/sbin:/usr/bin:/usr/sbin"], Entrypoint: $e, Cmd: $c, WorkingDir: "/"},
        rootfs: {type: "layers", diff_ids: [$id]},
        history: [{created: "1970-01-01T00:00:00Z"}]}' >"$t/cfg"
    cfg=$(sha256sum "$t/cfg" | cut -d' ' -f1)
    mv "$t/cfg" "$t/$cfg.json"
    jq -cn --arg c "$cfg.json" --arg n "$name" --arg l "$id/layer.tar" '[{Config: $c, RepoTags: [$n], Layers: [$l]}]' >"$t/manifest.json"
    # shellcheck disable=SC2086
    tar $det -C "$t" -cf "$out.new" manifest.json "$cfg.json" "$id/layer.tar"
    mv "$out.new" "$out"
    rm -rf "$t"
}

# single_program_image NAME: an image with one static program from $BIN at its root.
single_program_image() {
    local p=$1 r=$SCRATCH/rootfs
    if [ -s "$IMAGES/$p.tar" ] && [ ! "$BIN/$p" -nt "$IMAGES/$p.tar" ]; then return 0; fi
    rm -rf "$r"; mkdir -p "$r"
    install -m 755 "$BIN/$p" "$r/$p"
    docker_archive "localhost/$p:1" "$r" "[\"/$p\"]" null "$IMAGES/$p.tar"
    rm -rf "$r"
}

step_images() {
    mkdir -p "$IMAGES" "$BIN"
    if [ ! -x "$BIN/pause" ] || [ "$KUBERNETES/pause.c" -nt "$BIN/pause" ]; then
        say "images: compiling pause"
        musl-gcc -static -Os -s -Wall -Wextra -o "$BIN/pause" "$KUBERNETES/pause.c"
    fi
    single_program_image pause
    if [ -x "$BIN/coredns" ]; then single_program_image coredns; fi
    if [ ! -s "$IMAGES/busybox.tar" ] || [ "$BIN/busybox" -nt "$IMAGES/busybox.tar" ]; then
        local r=$SCRATCH/rootfs a
        rm -rf "$r"; mkdir -p "$r"/{bin,etc,tmp,root,proc,sys,dev,run,var,www}
        chmod 1777 "$r/tmp"
        install -m 755 "$BIN/busybox" "$r/bin/busybox"
        for a in $("$BIN/busybox" --list); do
            [ "$a" = busybox ] || ln -s busybox "$r/bin/$a"
        done
        printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$r/etc/passwd"
        printf 'root:x:0:\nnogroup:x:65534:\n' >"$r/etc/group"
        docker_archive localhost/busybox:1 "$r" null '["sh"]' "$IMAGES/busybox.tar"
        rm -rf "$r"
    fi
    say "images: $(cd "$IMAGES" && stat -c '%n %s bytes' ./*.tar | tr '\n' ' ')"
}

