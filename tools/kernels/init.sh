#!/bin/busybox sh
# The first process of a machine of other-kernel.mjs, in its initial file system: the host's files below a layer that
# is forgotten, the repository writable, then the command by start.sh. A word such as `repository=/a/b` on
# the kernel's command line is a variable here; the kernel gives such to the first process.
export PATH=/bin
/bin/busybox --install -s /bin
mkdir -p /proc /host /layer /new
mount -t proc proc /proc
while read -r module; do insmod "$module" || poweroff -f; done </modules

share() { mount -t 9p -o "trans=virtio,version=9p2000.L,msize=524288,cache=loose$3" "$1" "$2" || poweroff -f; }

share host /host ,ro
mount -t tmpfs -o mode=755 layer /layer
mkdir /layer/upper /layer/work
mount -t overlay -o lowerdir=/host,upperdir=/layer/upper,workdir=/layer/work root /new || poweroff -f
for dir in dev proc sys tmp run var/tmp lib/modules; do mkdir -p "/new/$dir"; done
mount --move /proc /new/proc
mount -t sysfs sysfs /new/sys
mount -t devtmpfs devtmpfs /new/dev
mkdir -p /new/dev/pts /new/dev/shm /new/dev/net
# Opening it loads its module.
mknod /new/dev/net/tun c 10 200
mount -t devpts devpts /new/dev/pts
for dir in dev/shm tmp var/tmp; do mount -t tmpfs -o mode=1777 tmpfs "/new/$dir"; done
mount -t tmpfs -o mode=755 tmpfs /new/run
ln -s /proc/self/fd /new/dev/fd
for n in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${n%:*}" "/new/dev/${n#*:}"; done
# Below /tmp, say, it is hidden by what was mounted there.
# shellcheck disable=SC2154
mkdir -p "/new$repository"
share repository "/new$repository"
# shellcheck disable=SC2154
mount --bind "/new$modules" /new/lib/modules
# shellcheck disable=SC2154
exec switch_root /new /bin/sh "$repository/tools/kernels/start.sh" "$job"
