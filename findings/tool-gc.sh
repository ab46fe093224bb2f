#!/bin/sh
# Guess: `cnitool gc NETWORK NAMESPACE` frees what ended containers have left, perhaps of that namespace only.
#
# cnitool 1.3.0 calls libcni's GC without a list of valid attachments, which means that none is valid: libcni runs DEL for
# every attachment of the network in its cache, also those of running containers and, as runtimes share the default folder
# /var/lib/cni, those of a container runtime. The namespace is ignored. It does so for a network of version
# 1.0.0 too, which has no GC. Every program that passes nil does the same.
#
# Needs Go 1.24 or newer, and unprivileged user namespaces or root.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export GOFLAGS=-modcacherw GOMODCACHE="$dir/modules"
GOBIN="$dir" go install github.com/containernetworking/cni/cnitool@v1.3.0 2>/dev/null
mkdir plugins networks
cat >plugins/one <<'PLUGIN'
#!/bin/sh
echo "${0##*/} $CNI_COMMAND ${CNI_NETNS:-}" >>calls
case $CNI_COMMAND in
  VERSION) echo '{"cniVersion":"1.1.0","supportedVersions":["1.0.0","1.1.0"]}' ;;
  ADD) echo '{"cniVersion":"1.0.0"}' ;;
esac
PLUGIN
chmod +x plugins/one
export NETCONFPATH="$dir/networks" CNI_PATH="$dir/plugins"
echo '{"cniVersion":"1.0.0","name":"demo","plugins":[{"type":"one"}]}' >networks/demo.conflist

unshare --user --map-root-user --net --mount --pid --fork --mount-proc --kill-child sh -eu <<'SH'
# libcni's cache.
mount -t tmpfs none /var/lib
for _ in running 'running too'; do
  unshare --net sleep infinity &
  ./cnitool add demo /proc/$!/ns/net >result
done
: >calls
./cnitool gc demo /proc/$!/ns/net
echo 'calls for GC:' && grep -v VERSION calls
[ "$(grep -c 'DEL /proc/' calls)" -eq 2 ] || { echo 'changed: DEL is not called for both'; exit 1; }
SH
echo 'as described: GC deleted the attachments of running containers'
# Output seen:
#   calls for GC:
#   one DEL /proc/3/ns/net
#   one DEL /proc/11/ns/net
#   as described: GC deleted the attachments of running containers
