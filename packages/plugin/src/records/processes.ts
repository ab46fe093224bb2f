/** Processes of the node, as /proc shows them. */
import { ignoreErrno, type Sys } from '@cnikit/sys';

const GONE = ['ENOENT', 'ESRCH'];
/** The initial PID namespace (PROC_PID_INIT_INO of linux/proc_ns.h). */
const INITIAL_PID_NAMESPACE = 'pid:[4026531836]';
const RUNTIMES: readonly string[] = ['containerd', 'crio', 'cri-dockerd', 'k3s-server', 'k3s-agent'];
/** Maximum number of ancestors to look at. */
const MAX_ANCESTORS = 8;
/** Clock ticks in a second (USER_HZ), the same on all architectures that Node runs on. */
const TICKS = 100;

/** Returns the network namespaces of all threads: `net:[4026532000]`. Undefined when some are unreadable. */
export function netnsOfProcesses(sys: Sys): ReadonlySet<string> | undefined {
  const found = new Set<string>();
  try {
    for (const pid of sys.readdir('/proc')) {
      if (!/^\d+$/.test(pid)) {
        continue;
      }
      for (const tid of ignoreErrno(GONE, () => sys.readdir(`/proc/${pid}/task`)) ?? []) {
        found.add(ignoreErrno(GONE, () => sys.readlink(`/proc/${pid}/task/${tid}/ns/net`)) ?? '');
      }
    }
  } catch {
    return undefined;
  }
  return found;
}

/** Returns true in the initial PID namespace, where every process of the node is visible. */
export function seesAllProcesses(sys: Sys): boolean {
  return sys.readlink('/proc/self/ns/pid') === INITIAL_PID_NAMESPACE;
}

/**
 * Returns when the container runtime was started that runs this process, in milliseconds since 1970. Undefined when no
 * ancestor is a runtime that keeps running.
 */
export function runtimeStartMs(sys: Sys): number | undefined {
  let pid = 'self';
  for (let i = 0; i < MAX_ANCESTORS && pid !== '0'; i++) {
    const text = ignoreErrno(GONE, () => sys.readText(`/proc/${pid}/stat`));
    // The name may contain spaces and brackets.
    const end = text?.lastIndexOf(')') ?? -1;
    if (text === undefined || end < 0) {
      return undefined;
    }
    const fields = text.slice(end + 2).split(' ');
    if (RUNTIMES.includes(text.slice(text.indexOf('(') + 1, end))) {
      const uptime = Number.parseFloat(sys.readText('/proc/uptime'));
      return sys.realtimeMs() - (uptime - Number(fields[19]) / TICKS) * 1000;
    }
    pid = fields[1] ?? '0';
  }
  return undefined;
}
