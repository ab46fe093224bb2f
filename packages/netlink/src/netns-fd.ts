import { O_RDONLY, type Sys, SysError } from '@cnikit/sys';

/**
 * A network namespace: a path (`/run/netns/blue`, `/proc/1234/ns/net`), an open descriptor, or a process in it.
 */
export type Netns = string | number | { pid: number };

/**
 * Opens a netlink socket for requests in the namespace, by default the thread's own.
 *
 * @throws {SysError} ENOENT when the path does not exist, EINVAL when it is not a network namespace
 */
export function openNetlink(
  sys: Sys,
  protocol: number,
  netns: Netns | undefined,
): ReturnType<Sys['openNetlink']> {
  return netns === undefined || typeof netns === 'number'
    ? sys.openNetlink(protocol, netns)
    : withNetnsFd(sys, netns, (fd) => sys.openNetlink(protocol, fd));
}

/**
 * Calls `body` with a descriptor of the namespace, or `undefined` for the thread's own, and closes the descriptor if it
 * opened it.
 *
 * @throws {SysError} ENOENT when the path does not exist, EINVAL when it is not a network namespace
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
