#!/bin/sh
# Guess: DEL runs the plugins that ADD ran: libcni caches the configuration of each attachment for that.
#
# libcni 1.3.0 stores the configuration of ADD in its cache and does not use it. DEL runs the plugins of the file as it is
# then, with the cached result as prevResult, and succeeds. A plugin that has been removed from the file never learns that
# the containers ended that it had set up: its rules, addresses or host ports stay. A new one gets a DEL without an ADD.
# Runtimes that use libcni have to read the cached configuration themselves (GetNetworkListCachedConfig).
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
echo "${0##*/} $CNI_COMMAND" >>calls
case $CNI_COMMAND in
  VERSION) echo '{"cniVersion":"1.1.0","supportedVersions":["1.0.0","1.1.0"]}' ;;
  ADD) echo '{"cniVersion":"1.0.0"}' ;;
esac
PLUGIN
chmod +x plugins/one
cp plugins/one plugins/two
export NETCONFPATH="$dir/networks" CNI_PATH="$dir/plugins"
conf=networks/demo.conflist
echo '{"cniVersion":"1.0.0","name":"demo","plugins":[{"type":"one"},{"type":"two"}]}' >$conf
sed 's/,{"type":"two"}//' $conf >later

unshare --user --map-root-user --mount sh -eu <<'SH'
# libcni's cache.
mount -t tmpfs none /var/lib
./cnitool add demo /proc/self/ns/net >result
echo 'calls for ADD:' $(grep -v VERSION calls)
cached=$(sed 's/.*"config":"\([^"]*\)".*/\1/' /var/lib/cni/results/* | base64 -d)
echo "plugins in the cached configuration:" $(echo "$cached" | grep -o '"type":"[a-z]*"')
case $cached in *two*) ;; *) echo 'changed: the cache'; exit 1 ;; esac
: >calls
mv later networks/demo.conflist
./cnitool del demo /proc/self/ns/net
echo 'calls for DEL, with a list of plugin one only:' $(grep -v VERSION calls)
[ "$(grep -v VERSION calls)" = 'one DEL' ] || { echo 'changed: DEL'; exit 1; }
[ -z "$(ls /var/lib/cni/results)" ] || { echo 'changed: the cache after DEL'; exit 1; }
SH
echo 'as described: DEL ran the plugins of the new file, and deleted the cached configuration of ADD'
# Output seen:
#   calls for ADD: one ADD two ADD
#   plugins in the cached configuration: "type":"one" "type":"two"
#   calls for DEL, with a list of plugin one only: one DEL
#   as described: DEL ran the plugins of the new file, and deleted the cached configuration of ADD
