#!/bin/bash
# check-cgroups.sh - starts a node on control groups version 2 and checks that its kubelet and containerd use the groups
# that cluster.sh made. On a machine with version 1, run it on another kernel, after a run of the e2e made the programs:
#
#   node tools/kernels/other-kernel.mjs --suite=trixie --deadline=900 e2e/kubernetes/check-cgroups.sh BIN IMAGES
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export KUBELAB_BIN=$1 KUBELAB_IMAGES=$2 KUBELAB_RUN=/tmp/check-cgroups KUBELAB_NODES=1 KUBELAB_PROXY=0
export KUBELAB_PATIENCE=10

mountpoint -q /sys/fs/cgroup || mount -t cgroup2 cgroup2 /sys/fs/cgroup
[ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ] || { echo "This machine has version 1 of the control groups."; exit 77; }

"$HERE/cluster.sh" up
trap '"$HERE/cluster.sh" down' EXIT
group=$(echo /sys/fs/cgroup/kubelab*-n1)
echo "controllers of $group: $(cat "$group/cgroup.controllers"), passed on: $(cat "$group/cgroup.subtree_control")"
for ((i = 0; i < 600; i++)); do
    [ ! -d "$group/kubepods/besteffort" ] || break
    sleep 1
done
echo "kubelet's groups: $(cd "$group" && find . -mindepth 1 -type d | tr '\n' ' ')"
grep -qw memory "$group/kubepods/cgroup.controllers"
"$HERE/cluster.sh" kubectl get node n1 -o wide
