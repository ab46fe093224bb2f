import { O_RDONLY, type Sys, SysError } from '@cnikit/sys';

/**
 * A network namespace: a path (`/run/netns/blue`, `/proc/1234/ns/net`), an open descriptor, or a process in it.
 */
export type Netns = string | number | { pid: number };

/** Opens a netlink socket of the protocol, in the namespace of the descriptor or else in the thread's own. */
type Open<T> = (sys: Sys, protocol: number, netnsFd: number | undefined) => T;

/**
 * Opens a netlink socket in the namespace, by default in the thread's own.
 *
 * @throws {SysError} ENOENT when the path does not exist, EINVAL when it is not a network namespace
 */
export function openInNetns<T>(sys: Sys, netns: Netns | undefined, protocol: number, open: Open<T>): T {
  if (netns === undefined || typeof netns === 'number') {
    return open(sys, protocol, netns);
  }
  const path = typeof netns === 'string' ? netns : `/proc/${netns.pid}/ns/net`;
  const fd = sys.open(path, O_RDONLY);
  try {
    return open(sys, protocol, fd);
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
