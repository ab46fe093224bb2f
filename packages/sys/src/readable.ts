/**
 * Waiting for a descriptor on Node's event loop.
 *
 * ```ts
 * import { AF_NETLINK, NETLINK_ROUTE, SOCK_RAW, sys } from '@cnikit/sys';
 * import { watchReadable } from '@cnikit/sys/readable';
 *
 * const socket = sys.socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
 * sys.bindNetlink(socket, 1); // RTMGRP_LINK
 * const watch = watchReadable(socket, () => console.log('a link changed'));
 * watch.close();
 * sys.close(socket);
 * ```
 *
 * @module
 */
import { addon } from './adapters/node.ts';
import { SysError } from './error.ts';

/** A running watch. */
export interface ReadableWatch {
  /** Ends it: `onReadable` is not called any more, not even for what was already seen. A second call does nothing. */
  close(): void;
}

/**
 * Calls `onReadable` on the event loop while `fd` can be read, has an error or hung up. It is called again
 * as long as something is left to read, once per turn: read until EAGAIN (MSG_DONTWAIT), or close at the end.
 *
 * A thread waits in poll(2). The watch keeps the process alive until it is closed. Close it before the
 * descriptor. Node only. Errors: EBADF.
 */
export function watchReadable(fd: number, onReadable: () => void): ReadableWatch {
  const { watchOpen, watchClose } = addon();
  const handle = watchOpen(fd, onReadable);
  if (typeof handle === 'number') {
    throw new SysError({ syscall: 'watchReadable', errno: -handle });
  }
  let open = true;
  return {
    close() {
      if (open) {
        watchClose(handle);
      }
      open = false;
    },
  };
}
