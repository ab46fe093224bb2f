/** Sends one line of JSON to a stream socket and reads the answer. */
import {
  AF_UNIX,
  ignoreErrno,
  MSG_DONTWAIT,
  POLLIN,
  POLLOUT,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  type Sys,
} from '@cnikit/sys';

/** Limit of the whole exchange. */
const LIMIT_MS = 2000;
/** Pause before another attempt to enter a full queue of connections, which cannot be polled. */
const RETRY_MS = 10;
/** Longest answer that is read. */
const MAX_ANSWER_BYTES = 4096;
/** Longest part of the server's own words that an error repeats. */
const MAX_REASON = 200;

/**
 * Sends `request` and returns once the server has answered `{"ok":true}`. It takes at most 2 seconds, even when the server
 * does not accept, read or write.
 *
 * @throws {Error} with the reason, for any other answer and without one
 */
export function exchangeLine(sys: Sys, path: string, request: object): void {
  const end = sys.monotonicMs() + LIMIT_MS;
  const remainingMs = (): number => {
    const left = Math.ceil(end - sys.monotonicMs());
    if (left <= 0) {
      throw new Error('no answer within 2 s');
    }
    return left;
  };
  const fd = sys.socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
  try {
    while (!connects(sys, fd, path)) {
      sys.sleepMs(Math.min(RETRY_MS, remainingMs()));
    }
    for (let rest = bytesOf(`${JSON.stringify(request)}\n`); rest.length > 0; ) {
      const sent = ignoreErrno('EAGAIN', () => sys.send(fd, rest));
      if (sent === undefined) {
        sys.poll(fd, POLLOUT, remainingMs());
      } else {
        rest = rest.subarray(sent);
      }
    }
    requireOk(readLine(sys, fd, remainingMs));
  } finally {
    sys.close(fd);
  }
}

/** Returns false when the queue of connections is full. */
function connects(sys: Sys, fd: number, path: string): boolean {
  const done = ignoreErrno('EAGAIN', () => {
    sys.connectUnix(fd, path);
    return true;
  });
  return done === true;
}

function readLine(sys: Sys, fd: number, remainingMs: () => number): string {
  const into = new Uint8Array(MAX_ANSWER_BYTES);
  let length = 0;
  while (length < into.length) {
    if (sys.poll(fd, POLLIN, remainingMs()) === 0) {
      continue;
    }
    const got = sys.recv(fd, into.subarray(length), MSG_DONTWAIT);
    if (got === 0) {
      throw new Error('the connection ended before the answer');
    }
    const at = into.subarray(0, length + got).indexOf(0x0a, length);
    length += got;
    if (at >= 0) {
      return String.fromCharCode(...into.subarray(0, at));
    }
  }
  throw new Error(`the answer exceeds ${MAX_ANSWER_BYTES} bytes`);
}

/** @throws {Error} unless the answer is `{"ok":true}` */
function requireOk(line: string): void {
  let answer: { ok?: unknown; error?: unknown } | null;
  try {
    answer = JSON.parse(line);
  } catch {
    answer = null;
  }
  if (answer?.ok === true) {
    return;
  }
  const { error = line } = answer ?? {};
  // As JSON, so that it stays on one line.
  throw new Error(`answered ${JSON.stringify(String(error).slice(0, MAX_REASON))}`);
}

/** Encodes JSON in ASCII. */
function bytesOf(json: string): Uint8Array {
  const ascii = json.replace(/[^\n -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return Uint8Array.from(ascii, (unit) => unit.charCodeAt(0));
}
