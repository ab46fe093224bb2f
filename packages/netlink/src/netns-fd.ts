import { O_RDONLY, type Sys, SysError } from '@cnikit/sys';

/**
 * A network namespace: a path (`/run/netns/blue`, `/proc/1234/ns/net`), an open
 * descriptor of one, or the process that lives in it.
 */
export type Netns = string | number | { pid: number };

/**
 * Calls `body` with a descriptor of the namespace, or `undefined` for ours, and
 * closes what it opened. SysError names the path that is missing (ENOENT) or no
 * network namespace (EINVAL).
 */
export function withNetnsFd<T>(sys: Sys, netns: Netns | undefined, body: (fd: number | undefined) => T): T {
  if (netns === undefined || typeof netns === 'number') {
    return body(netns);
  }
  const path = typeof netns === 'string' ? netns : `/proc/${netns.pid}/ns/net`;
  const fd = sys.open(path, O_RDONLY);
  try {
    return body(fd);
  } catch (cause) {
    if (!(cause instanceof SysError && cause.code === 'EINVAL')) {
      throw cause;
    }
    const { syscall, errno } = cause;
    throw new SysError({ syscall, errno, path, message: 'Not a network namespace', cause });
  } finally {
    sys.close(fd);
  }
}
