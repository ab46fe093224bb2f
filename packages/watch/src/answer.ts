/** Shared by both ways to send a request: the connection's limits and what an answer must not have. */
import type { Socket } from 'node:net';
import { WatchError } from './errors.ts';

/** TCP keepalive, so that the kernel detects a dead peer too. */
const KEEPALIVE_MS = 30_000;

/**
 * Connect timeout. A powered-off machine or a dropping packet filter sends no answer, and the kernel's own SYN backoff
 * would miss the server's return by up to half a minute.
 */
const CONNECT_MS = 3000;

/** Limits the time to connect; then the idle timer takes over. Returns whether the connection is established. */
export function limitConnect(socket: Socket, fail: (error: Error) => void): () => boolean {
  socket.setKeepAlive(true, KEEPALIVE_MS);
  let reached = !socket.connecting;
  if (!reached) {
    socket.setTimeout(CONNECT_MS, () => {
      if (!reached) {
        fail(new Error(`no answer within ${CONNECT_MS / 1000} seconds`));
      }
    });
    socket.once('connect', () => {
      reached = true;
      socket.setTimeout(0);
    });
  }
  return () => reached;
}

export function unreachable(url: URL, cause: Error, reached: boolean): WatchError {
  return new WatchError('CONNECT', `Cannot reach ${url.origin}: ${cause.message}`, {
    cause,
    unreached: !reached,
  });
}

/** Returns the error for a body that is encoded, which no request asks for. */
export function encodingError(url: URL, encoding = 'identity'): WatchError | undefined {
  return encoding === 'identity'
    ? undefined
    : new WatchError(
        'PROTOCOL',
        `${url.origin} sent content-encoding ${encoding}, which was not requested. Check the proxy in between`,
      );
}
