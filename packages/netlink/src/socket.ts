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
import { answerType, readI32 } from '#native';
import { NLMSG_ERROR, NLMSG_MIN_TYPE } from './codec/ack.ts';
import type { Request } from './codec/request.ts';
import { NetlinkError } from './errors.ts';
import { type Netns, openInNetns } from './netns-fd.ts';
import { datagram, datagramSize, encodeRequests, requestAck } from './outgoing.ts';

/**
 * Enough for the answer about one object, and for the first part of a dump. Each page of it costs a plugin that runs for
 * 2 ms a page fault.
 */
export const FIRST_BYTES = 4 * 1024;
/** The kernel answers within send(2); only a lost answer makes the socket wait. */
const ANSWER_TIMEOUT_MS = 10_000;

/** `struct nlmsghdr` and `struct nlmsgerr`: an acknowledgement that explains nothing. */
const SUCCESS_BYTES = 36;
/** Offset of the error in a message of that kind. */
const ERROR_AT = 16;

const EINTR = 4;
const EAGAIN = 11;
export const ENOBUFS = 105;
const ETIMEDOUT = 110;

/*
 * The acknowledgements of one send must fit into the socket's receive buffer, or the kernel drops some. The buffer has
 * 212,992 bytes by default; a refusal with text takes about 1 KiB of it.
 */
const BATCH_MESSAGES = 128;
const BATCH_BYTES = 64 * 1024;
/** Half of the default send buffer of a socket. */
const SEND_BYTES = 100_000;

const openNetlink = (sys: Sys, protocol: number, netnsFd: number | undefined) =>
  sys.openNetlink(protocol, netnsFd);

/** A netlink socket with its buffers and sequence numbers. `Connection` holds conversations over it. */
export class NetlinkSocket {
  readonly sys: Sys;
  /** The socket's address. The kernel's notifications carry the port of the socket that caused the change. */
  readonly port: number;
  /** The last datagram. */
  received = new Uint8Array(FIRST_BYTES);
  #fd: number;
  /** Sequence number of the last request. */
  sequence = 0;
  /** Result of a recv(2) that `receive()` has not returned yet. */
  #unread: (() => number) | undefined;

  constructor(sys: Sys, protocol: number, netns: Netns | undefined) {
    this.sys = sys;
    const { fd, port } = openInNetns(sys, netns, protocol, openNetlink);
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
  #makeRoom(size: number): void {
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
   * Sends all requests in one datagram and returns the sequence number of the first.
   *
   * @param flags NLM_F_*, added to every request
   * @param acked index of the request to acknowledge; -1 for none
   * @param write sends the bytes in another way than `sys.send`
   * @throws {NetlinkError} when send(2) fails
   */
  send(
    requests: readonly Request[],
    flags = 0,
    acked: number = requests.length - 1,
    write?: (fd: number, bytes: Uint8Array) => void,
  ): number {
    const count = requests.length;
    const first = this.#firstOf(count);
    encodeRequests(requests, 0, count, Number.POSITIVE_INFINITY, flags, acked, first, this.port);
    this.sequence = first + count - 1;
    this.#write(requests[0]!, write);
    return first;
  }

  /**
   * Sends the requests from the index `from` on, as many as a batch may have, in one datagram, and has the last one
   * acknowledged. Returns the index of the next request; `sequence` is then that of the last one.
   *
   * @throws {NetlinkError} when send(2) fails
   */
  sendBatch(requests: readonly Request[], from: number): number {
    const until = Math.min(requests.length, from + BATCH_MESSAGES);
    const first = this.#firstOf(until - from);
    const to = encodeRequests(requests, from, until, BATCH_BYTES, 0, -1, first, this.port);
    requestAck();
    this.sequence = first + (to - from) - 1;
    this.#write(requests[from]!);
    return to;
  }

  /** The kernel uses port 0 and sequence 0 for its own messages. */
  #firstOf(count: number): number {
    return this.sequence + count >= 0xffffffff ? 1 : this.sequence + 1;
  }

  #write(first: Request, write?: (fd: number, bytes: Uint8Array) => void): void {
    if (datagramSize > SEND_BYTES) {
      this.#makeRoom(datagramSize);
    }
    const bytes = datagram();
    try {
      if (write === undefined) {
        this.sys.send(this.#fd, bytes);
      } else {
        write(this.#fd, bytes);
      }
    } catch (cause) {
      throw asNetlinkError(cause, 'Cannot send', first);
    }
  }

  /**
   * Receives one datagram without waiting. Returns true when it is only the acknowledgement of success for that sequence
   * number; otherwise `receive()` returns it.
   */
  succeeds(sequence: number): boolean {
    const length = this.#receiveNow();
    const { received } = this;
    if (
      length === SUCCESS_BYTES &&
      answerType(received, length, sequence, this.port) === NLMSG_ERROR &&
      readI32(received, ERROR_AT, true) === 0
    ) {
      return true;
    }
    this.#keep(length);
    return false;
  }

  /**
   * Receives one datagram without waiting. Returns its length when it is one message, which answers the request of that
   * sequence number; otherwise 0, and `receive()` returns it.
   */
  answer(sequence: number): number {
    const length = this.#receiveNow();
    if (answerType(this.received, length, sequence, this.port) >= NLMSG_MIN_TYPE) {
      return length;
    }
    this.#keep(length);
    return 0;
  }

  /** Returns -1 when that fails: then `receive()` throws the error. */
  #receiveNow(): number {
    try {
      return this.#next();
    } catch (error) {
      this.#unread = () => {
        throw error;
      };
      return -1;
    }
  }

  #keep(length: number): void {
    if (length >= 0) {
      this.#unread = () => length;
    }
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

function asNetlinkError(cause: unknown, problem: string, request: Request): unknown {
  if (!(cause instanceof SysError)) {
    return cause;
  }
  const lost = cause.errno === ENOBUFS ? 'The kernel dropped answers to' : problem;
  return new NetlinkError({ errno: cause.errno, problem: lost, request, cause });
}
