import {
  ignoreErrno,
  MSG_DONTWAIT,
  MSG_TRUNC,
  POLLIN,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
  SOL_SOCKET,
  type Sys,
  SysError,
} from '@cnikit/sys';
import { readI32, readU16, writeMessage } from '#native';
import { NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NLMSG_ERROR } from './codec/ack.ts';
import { NLMSG_HDRLEN } from './codec/encoder.ts';
import { NetlinkEncodeError } from './codec/errors.ts';
import type { Request } from './codec/request.ts';
import { NetlinkError } from './errors.ts';
import { type Netns, withNetnsFd } from './netns-fd.ts';

/** Enough for the answer about one object. Zeroing more would cost a plugin that runs for 2 ms a tenth of its time. */
export const FIRST_BYTES = 8 * 1024;
/** The kernel answers within send(2); only a lost answer makes the socket wait. */
const ANSWER_TIMEOUT_MS = 10_000;

/** `struct nlmsghdr` and `struct nlmsgerr`: an acknowledgement that explains nothing. */
const SUCCESS_BYTES = 36;

const EINTR = 4;
const EAGAIN = 11;
export const ENOBUFS = 105;
const ETIMEDOUT = 110;

/** Which requests `NetlinkSocket.send()` sends, and how. */
export interface SendOptions {
  /**
   * Index of the first request.
   *
   * @default 0
   */
  from?: number;
  /**
   * Index after the last request.
   *
   * @default requests.length
   */
  to?: number;
  /**
   * NLM_F_*, added to every request.
   *
   * @default 0
   */
  flags?: number;
  /**
   * Index of the request to acknowledge, counted from the start of `requests`; -1 for none.
   *
   * @default to - 1
   */
  acked?: number;
  /**
   * Sends the bytes.
   *
   * @default sys.send
   */
  write?: (fd: number, bytes: Uint8Array) => void;
}

/** A netlink socket with its buffers and sequence numbers. `Connection` holds conversations over it. */
export class NetlinkSocket {
  readonly sys: Sys;
  /** The socket's address. The kernel's notifications carry the port of the socket that caused the change. */
  readonly port: number;
  /** The last datagram. */
  received = new Uint8Array(FIRST_BYTES);
  #fd: number;
  #sequence = 0;
  /** Result of a recv(2) that `receive()` has not returned yet. */
  #unread: (() => number) | undefined;
  #sending = new Uint8Array(1024);

  constructor(sys: Sys, protocol: number, netns: Netns | undefined) {
    this.sys = sys;
    const { fd, port } = withNetnsFd(sys, netns, (netnsFd) => sys.openNetlink(protocol, netnsFd));
    this.#fd = fd;
    this.port = port;
  }

  /** The descriptor; -1 after `close()`. */
  get fd(): number {
    return this.#fd;
  }

  /** Closes the socket. A second call does nothing. */
  close(): void {
    if (this.#fd < 0) {
      return;
    }
    try {
      this.sys.close(this.#fd);
    } catch (error) {
      // Linux frees the descriptor even when close(2) fails.
      if (!(error instanceof SysError)) {
        throw error;
      }
    }
    this.#fd = -1;
  }

  /** Enlarges the send buffer, which must hold a whole send. Beyond the system's limit that needs root on the host. */
  makeRoom(size: number): void {
    for (const option of [SO_SNDBUFFORCE, SO_SNDBUF]) {
      const done = ignoreErrno('EPERM', () => {
        this.sys.setsockopt(this.#fd, SOL_SOCKET, option, size + 4096);
        return true;
      });
      if (done === true) {
        return;
      }
    }
  }

  /**
   * Sends requests in one datagram and returns the sequence number of the first.
   *
   * @throws {NetlinkError} when send(2) fails
   */
  send(requests: readonly Request[], options: SendOptions = {}): number {
    const { from = 0, to = requests.length, flags = 0, acked = to - 1, write } = options;
    let size = 0;
    for (let i = from; i < to; i++) {
      size += messageSize(requests[i]!);
    }
    if (size > this.#sending.length) {
      this.#sending = new Uint8Array(Math.max(size, this.#sending.length * 2));
    }
    // The kernel uses port 0 and sequence 0 for its own messages.
    if (this.#sequence + (to - from) >= 0xffffffff) {
      this.#sequence = 0;
    }
    const first = this.#sequence + 1;
    const isDump = (flags & NLM_F_DUMP) === NLM_F_DUMP;
    let at = 0;
    for (let i = from; i < to; i++) {
      const { type, flags: own, payload } = requests[i]!;
      const all = own | flags | NLM_F_REQUEST | (i === acked && !isDump ? NLM_F_ACK : 0);
      at = writeMessage(this.#sending, at, type, all, ++this.#sequence, this.port, payload, true);
    }
    const bytes = this.#sending.subarray(0, at);
    try {
      if (write === undefined) {
        this.sys.send(this.#fd, bytes);
      } else {
        write(this.#fd, bytes);
      }
    } catch (cause) {
      throw asNetlinkError(cause, 'Cannot send', requests[from]!);
    }
    return first;
  }

  /**
   * Receives one datagram without waiting. Returns true when it is only the acknowledgement of success for that sequence
   * number; otherwise `receive()` returns it.
   */
  succeeds(sequence: number): boolean {
    let length: number;
    try {
      length = this.#next();
    } catch (error) {
      this.#unread = () => {
        throw error;
      };
      return false;
    }
    if (length === SUCCESS_BYTES && isSuccess(this.received, sequence, this.port)) {
      return true;
    }
    this.#unread = () => length;
    return false;
  }

  #next(): number {
    const unread = this.#unread;
    if (unread === undefined) {
      return this.sys.recv(this.#fd, this.received, MSG_TRUNC | MSG_DONTWAIT);
    }
    this.#unread = undefined;
    return unread();
  }

  /**
   * Receives one datagram into `received` and returns its length, which may exceed the buffer. Without a datagram it
   * waits, or returns -1 when `wait` is false.
   *
   * @throws {NetlinkError} when recv(2) fails, `ETIMEDOUT` without an answer, `ENOBUFS` when the kernel dropped answers
   */
  receive(request: Request, wait: boolean): number {
    for (;;) {
      try {
        return this.#next();
      } catch (error) {
        const errno = error instanceof SysError ? error.errno : 0;
        if (errno === EINTR) {
          continue;
        }
        if (errno !== EAGAIN) {
          throw asNetlinkError(error, 'Cannot receive the answer to', request);
        }
      }
      if (!wait) {
        return -1;
      }
      if (this.sys.poll(this.#fd, POLLIN, ANSWER_TIMEOUT_MS) === 0) {
        throw new NetlinkError({ errno: ETIMEDOUT, problem: 'No answer to', request });
      }
    }
  }
}

/** Returns true for an NLMSG_ERROR without error. */
function isSuccess(bytes: Uint8Array, sequence: number, port: number): boolean {
  return (
    readI32(bytes, 0, true) === SUCCESS_BYTES &&
    readU16(bytes, 4, true) === NLMSG_ERROR &&
    readI32(bytes, 8, true) === (sequence | 0) &&
    readI32(bytes, 12, true) === (port | 0) &&
    readI32(bytes, 16, true) === 0
  );
}

/** Returns the bytes that a request takes in a datagram: header, body and padding. */
export function messageSize(request: Request): number {
  if (request.payload === undefined) {
    const hint = 'build one with newLink() or a function like it';
    throw new NetlinkEncodeError('BAD_REQUEST', `Not a request: ${JSON.stringify(request)}; ${hint}`);
  }
  return (NLMSG_HDRLEN + request.payload.length + 3) & ~3;
}

function asNetlinkError(cause: unknown, problem: string, request: Request): unknown {
  if (!(cause instanceof SysError)) {
    return cause;
  }
  const lost = cause.errno === ENOBUFS ? 'The kernel dropped answers to' : problem;
  return new NetlinkError({ errno: cause.errno, problem: lost, request, cause });
}
