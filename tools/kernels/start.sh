# The first process of a machine of other-kernel.mjs, once its files are in place: runs the command that lies in the
# folder given and reports to the ports of the host, 1: standard output, 2: standard error, 3: the status.
export PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin
job=$1
# Nobody may be left to end it from outside.
(
  sleep "$(cat "$job/deadline")"
  echo o >/proc/sysrq-trigger
) >/dev/null 2>&1 &
ip link set lo up
hostname other-kernel
# A port can be opened once only, and what the command starts may open its standard output again.
mkfifo /run/stdout /run/stderr
first=$(echo /dev/vport*p1)
port=${first%1}
cat /run/stdout >"${port}1" &
output=$!
cat /run/stderr >"${port}2" &
errors=$!
sh "$job/command.sh" </dev/null >/run/stdout 2>/run/stderr
status=$?
wait "$output" "$errors"
# What the command wrote to the repository is not there before.
sync
echo "$status" >"${port}3"
echo o >/proc/sysrq-trigger
exec sleep infinity
