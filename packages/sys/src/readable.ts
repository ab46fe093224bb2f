/**
 * Watches descriptors on Node's event loop.
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
  /** Ends the watch: `onReadable` is never called again. A second call does nothing. */
  close(): void;
}

/**
 * Calls `onReadable` on the event loop while `fd` is readable, has an error or hung up, once per turn. Read until EAGAIN
 * (MSG_DONTWAIT), and close the watch at the end of the data.
 *
 * A thread waits in poll(2). The watch keeps the process alive until it is closed. Close it before the descriptor. Node
 * only.
 *
 * @throws {SysError} EBADF when `fd` is not open
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
