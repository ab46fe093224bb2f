#!/bin/sh
# Guess: a CNI call of libcni ends when its context does, since libcni starts plugins with Go's exec.CommandContext: a
# plugin that waits for a lock or a server cannot delay the runtime for longer.
#
# libcni 1.3.0: the plugin is killed at the deadline, its child processes are not, and the call returns only once none of
# them has the plugin's stdout or stderr open, because os/exec copies both to buffers and libcni sets no WaitDelay. A shell
# script that waits for `iptables -w`, or a plugin whose helper inherits stderr, delays the runtime until that ends.
#
# Needs Go 1.24 or newer.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
mkdir plugins
cat >plugins/alone <<'PLUGIN'
#!/bin/sh
exec sleep 6
PLUGIN
cat >plugins/with-child <<'PLUGIN'
#!/bin/sh
sleep 6
echo 'The plugin was not killed' >&2
PLUGIN
cat >plugins/with-silent-child <<'PLUGIN'
#!/bin/sh
sleep 6 >/dev/null 2>&1
PLUGIN
chmod +x plugins/*
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/containernetworking/cni/libcni"
)

func main() {
	for _, plugin := range []string{"alone", "with-silent-child", "with-child"} {
		conf := fmt.Sprintf(`{"cniVersion":"1.0.0","name":"demo","plugins":[{"type":%q}]}`, plugin)
		list, err := libcni.ConfListFromBytes([]byte(conf))
		if err != nil {
			panic(err)
		}
		cni := libcni.NewCNIConfigWithCacheDir([]string{"plugins"}, "cache", nil)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		began := time.Now()
		pod := &libcni.RuntimeConf{ContainerID: "pod", NetNS: "/proc/self/ns/net", IfName: "eth0"}
		_, err = cni.AddNetworkList(ctx, list, pod)
		took := time.Since(began)
		fmt.Printf("%s: ADD with a deadline of 1 s returned after %.0f s\n", plugin, took.Seconds())
		if err == nil || (took > 5*time.Second) != (plugin == "with-child") {
			fmt.Println("changed")
			os.Exit(1)
		}
	}
}
GO
export GOFLAGS=-modcacherw GOMODCACHE="$dir/modules"
go mod init demo 2>/dev/null
go get github.com/containernetworking/cni@v1.3.0 2>/dev/null
go run .
echo 'as described: a child of the plugin delays the call beyond its deadline'
# Output seen:
#   alone: ADD with a deadline of 1 s returned after 1 s
#   with-silent-child: ADD with a deadline of 1 s returned after 1 s
#   with-child: ADD with a deadline of 1 s returned after 6 s
#   as described: a child of the plugin delays the call beyond its deadline
