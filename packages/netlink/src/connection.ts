import {
  AF_NETLINK,
  MSG_DONTWAIT,
  MSG_TRUNC,
  NETLINK_CAP_ACK,
  NETLINK_EXT_ACK,
  NETLINK_GET_STRICT_CHK,
  NETLINK_NETFILTER,
  POLLIN,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
  SOCK_RAW,
  SOL_NETLINK,
  SOL_SOCKET,
  type Sys,
  SysError,
} from '@cnikit/sys';
import {
  type Ack,
  decodeAck,
  decodeDone,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_ECHO,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_MIN_TYPE,
  NLMSG_OVERRUN,
} from './codec/ack.ts';
import { NLMSG_HDRLEN } from './codec/encoder.ts';
import { MessageReader, writeMessage } from './codec/message.ts';
import type { Request } from './codec/request.ts';
import { NetlinkError } from './errors.ts';
import { type Netns, withNetnsFd } from './netns-fd.ts';

/** How a connection is opened. */
export interface ConnectionOptions {
  sys: Sys;
  /** NETLINK_ROUTE, NETLINK_NETFILTER, … */
  protocol: number;
  /** The network namespace to speak in: path, descriptor or process; ours by default. */
  netns?: Netns;
  /** How often a dump is begun again that changes underneath made inconsistent. Default 16. */
  dumpAttempts?: number;
}

/** What a dump or query makes of a message. `undefined` leaves it out. */
export type Decode<T> = (message: MessageReader) => T | undefined;

/*
 * Acknowledgements of one send must all fit into the socket's receive buffer
 * (212,992 bytes by default, of which each takes about 1 KiB when it is a refusal
 * with text), or the kernel would drop some.
 */
const BATCH_MESSAGES = 128;
const BATCH_BYTES = 64 * 1024;
/** Half of what a socket's send buffer has by default. */
const SEND_BYTES = 100_000;
/** For one object's answer. Zeroing more would cost a plugin that lives for 2 ms a tenth of it. */
const FIRST_BYTES = 8 * 1024;
/** What the kernel fills with one part of a dump, if a receiver has room for it. */
const DUMP_BYTES = 32 * 1024;
/** The kernel answers within send(2); only a lost answer ever waits. */
const ANSWER_TIMEOUT_MS = 10_000;

/** Index of the request to acknowledge: none. */
const NO_ACK = -1;

const EINTR = 4;
const EAGAIN = 11;
const ENOBUFS = 105;
const ETIMEDOUT = 110;
const EMSGSIZE = 90;

/**
 * A netlink socket: one conversation at a time, synchronous. It belongs to the
 * namespace it was opened in, whatever the thread does later.
 */
export class Connection {
  readonly #sys: Sys;
  readonly #dumpAttempts: number;
  #fd: number;
  /** The socket's address, which the kernel's notifications of what it caused bear too. */
  readonly port: number;
  #sequence = 0;
  #received = new Uint8Array(FIRST_BYTES);
  #sending = new Uint8Array(1024);

  constructor({ sys, protocol, netns, dumpAttempts = 16 }: ConnectionOptions) {
    this.#sys = sys;
    this.#dumpAttempts = dumpAttempts;
    this.#fd = withNetnsFd(sys, netns, (netnsFd) => sys.socket(AF_NETLINK, SOCK_RAW, protocol, netnsFd));
    try {
      for (const option of [NETLINK_EXT_ACK, NETLINK_CAP_ACK]) {
        this.#enable(option);
      }
      // Netfilter has no dumps that are strict or not.
      if (protocol !== NETLINK_NETFILTER) {
        this.#enable(NETLINK_GET_STRICT_CHK);
      }
      this.port = sys.bindNetlink(this.#fd, 0);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** A kernel that does not know the option (before 4.12, 4.3, 5.0) works without it. */
  #enable(option: number): void {
    try {
      this.#sys.setsockopt(this.#fd, SOL_NETLINK, option, 1);
    } catch (error) {
      if (!(error instanceof SysError && error.code === 'ENOPROTOOPT')) {
        throw error;
      }
    }
  }

  /** Closes the socket. A second call does nothing. */
  close(): void {
    if (this.#fd < 0) {
      return;
    }
    try {
      this.#sys.close(this.#fd);
    } catch (error) {
      // Linux closes whatever it reports, and nothing is buffered: what was asked for is done.
      if (!(error instanceof SysError)) {
        throw error;
      }
    }
    this.#fd = -1;
  }

  /** Closes at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** For calls that only need a socket of this namespace. */
  onSocket<T>(call: (sys: Sys, fd: number) => T): T {
    return call(this.#sys, this.#fd);
  }

  /** Has one request done. Throws NetlinkError when the kernel refuses it. */
  request(request: Request): void {
    const [failure] = this.batchSettled([request]);
    if (failure !== undefined) {
      throw failure;
    }
  }

  /**
   * Has an interface deleted, and in the static executable does not wait until the kernel has freed it (see
   * `sendDetached` of @cnikit/sys), for which the request must say which by index or group. Throws NetlinkError when the
   * kernel refuses it.
   *
   * @param name of the interface, or of one of them
   */
  deleteLinkDetached(request: Request, name: string): void {
    const first = this.#send([request], 0, 1, 0, 0, name);
    // Its answer comes when it has been freed; until then there is none, unless it is a refusal.
    for (let length = this.#receive(request, false); length >= 0; length = this.#receive(request, false)) {
      const message = new MessageReader(this.#received, Math.min(length, this.#received.length));
      while (message.next()) {
        if (message.sequence !== first || message.type !== NLMSG_ERROR) {
          continue;
        }
        const ack = decodeAck(message, message.flags);
        if (ack.errno !== 0) {
          throw this.#refusal(ack, request);
        }
      }
    }
  }

  /**
   * Has all requests done, in order. Every one is tried, also after one has failed;
   * then the first failure is thrown, with `index` saying whose it is and
   * `failures` listing all.
   */
  batch(requests: readonly Request[]): void {
    const failures = this.batchSettled(requests);
    const [first] = failures;
    if (first === undefined) {
      return;
    }
    first.failures = failures;
    throw first;
  }

  /** As `batch`, but gives the failures instead of throwing. Empty: all done. */
  batchSettled(requests: readonly Request[]): NetlinkError[] {
    const failures: NetlinkError[] = [];
    for (let from = 0; from < requests.length; ) {
      from = this.#sendSome(requests, from, failures);
    }
    return failures;
  }

  /** Asks for one object, or makes one and has it told back (NLM_F_ECHO): what `decode` gives of the answer. */
  query<T>(request: Request, decode: Decode<T>): T | undefined {
    return this.#ask(request, decode, true);
  }

  /** As `query`, where the answer is one message or a refusal: nothing is waited for after it. */
  queryOne<T>(request: Request, decode: Decode<T>): T | undefined {
    return this.#ask(request, decode, false);
  }

  #ask<T>(request: Request, decode: Decode<T>, acked: boolean): T | undefined {
    for (;;) {
      const answer: { value?: T } = {};
      const first = this.#send([request], 0, 1, 0, acked ? 0 : NO_ACK);
      const creates = (request.flags & NLM_F_ECHO) !== 0;
      const each = (message: MessageReader) => {
        answer.value ??= decode(message);
      };
      const outcome = this.#converse(first, 1, request, each, undefined, !acked);
      if (outcome.truncated && !creates) {
        continue; // asking again does no harm
      }
      if (outcome.ack !== undefined && outcome.ack.errno !== 0) {
        throw this.#refusal(outcome.ack, request);
      }
      return answer.value;
    }
  }

  /**
   * Asks for all objects. A dump that the kernel marks as interrupted by a change,
   * or that did not fit into the buffer, is begun again, so that the result is
   * consistent. Throws NetlinkError `EINTR` when that never succeeds.
   */
  dump<T>(request: Request, decode: Decode<T>): T[] {
    for (let attempt = 0; attempt < this.#dumpAttempts; ) {
      const all: T[] = [];
      const first = this.#send([request], 0, 1, NLM_F_DUMP);
      const outcome = this.#converse(first, 1, request, (message) => {
        const one = decode(message);
        if (one !== undefined) {
          all.push(one);
        }
      });
      if (outcome.ack !== undefined && outcome.ack.errno === EINTR) {
        outcome.interrupted = true;
      } else if (outcome.ack !== undefined && outcome.ack.errno !== 0) {
        throw this.#refusal(outcome.ack, request);
      }
      if (!outcome.interrupted && !outcome.truncated) {
        return all;
      }
      if (outcome.interrupted) {
        attempt++; // a truncated one made the buffer grow, which ends
      }
    }
    throw new NetlinkError({
      errno: EINTR,
      problem: `Changes interrupted ${this.#dumpAttempts} times`,
      request,
    });
  }

  /**
   * Sends all in one datagram and has it done whole or not at all, as a protocol does
   * that brackets its transactions (nfnetlink: `requests` begins and ends with the
   * brackets). Throws the first refusal, with `failures` listing all.
   */
  transaction(requests: readonly Request[]): void {
    const size = requests.reduce((sum, request) => sum + aligned(request), 0);
    if (size > SEND_BYTES) {
      this.#makeRoom(size);
    }
    const last = requests.length - 2; // the closing bracket is acknowledged by recent kernels only
    const first = this.#send(requests, 0, requests.length, 0, last);
    const failures: NetlinkError[] = [];
    this.#converse(first, requests.length, requests[0]!, undefined, (sequence, ack) => {
      const at = sequence - first;
      if (ack.errno !== 0) {
        failures.push(this.#refusal(ack, requests[at]!, at - 1));
      }
      // A refusal of the opening bracket is one of the whole: there may be no other word.
      return at === last || (at === 0 && ack.errno !== 0);
    });
    const [failure] = failures;
    if (failure === undefined) {
      return;
    }
    failure.failures = failures;
    throw failure;
  }

  /** A send must fit into the socket's buffer; beyond the system's limit only the host's root may go. */
  #makeRoom(size: number): void {
    for (const option of [SO_SNDBUFFORCE, SO_SNDBUF]) {
      try {
        this.#sys.setsockopt(this.#fd, SOL_SOCKET, option, size + 4096);
        return;
      } catch (error) {
        if (!(error instanceof SysError && error.code === 'EPERM')) {
          throw error;
        }
      }
    }
  }

  /** Sends what fits of `requests` from `from` and adds what failed; gives where to go on. */
  #sendSome(requests: readonly Request[], from: number, failures: NetlinkError[]): number {
    let to = from;
    let size = 0;
    while (to < requests.length && to - from < BATCH_MESSAGES) {
      size += aligned(requests[to]!);
      if (size > BATCH_BYTES && to > from) {
        break;
      }
      to++;
    }
    /*
     * Only the last asks to be acknowledged: the kernel works in order and refuses
     * always aloud, so whatever was silent until the last answer came has succeeded.
     */
    const first = this.#send(requests, from, to, 0);
    const last = to - from - 1;
    const outcome = this.#converse(first, to - from, requests[from]!, undefined, (sequence, ack) => {
      const at = sequence - first;
      if (ack.errno !== 0) {
        failures.push(this.#refusal(ack, requests[from + at]!, from + at));
      }
      return at === last;
    });
    if (outcome.truncated) {
      throw new NetlinkError({
        errno: EMSGSIZE,
        problem: 'An answer was too long for',
        request: requests[from]!,
      });
    }
    return to;
  }

  /**
   * One send of requests [from, to); gives the first sequence number. `flags` are
   * added to each, NLM_F_ACK to the one at `acked`, by default the last. `gone` names an interface whose end is waited for.
   */
  #send(
    requests: readonly Request[],
    from: number,
    to: number,
    flags: number,
    acked: number = to - 1,
    gone?: string,
  ): number {
    let size = 0;
    for (let i = from; i < to; i++) {
      size += aligned(requests[i]!);
    }
    if (size > this.#sending.length) {
      this.#sending = new Uint8Array(Math.max(size, this.#sending.length * 2));
    }
    // Port 0 and sequence 0 belong to the kernel's own messages.
    if (this.#sequence + (to - from) >= 0xffffffff) {
      this.#sequence = 0;
    }
    const first = this.#sequence + 1;
    let at = 0;
    for (let i = from; i < to; i++) {
      const { type, flags: own, payload } = requests[i]!;
      const dump = (flags & NLM_F_DUMP) === NLM_F_DUMP;
      const all = own | flags | NLM_F_REQUEST | (i === acked && !dump ? NLM_F_ACK : 0);
      at = writeMessage(this.#sending, at, type, all, ++this.#sequence, this.port, payload);
    }
    try {
      const bytes = this.#sending.subarray(0, at);
      if (gone === undefined) {
        this.#sys.send(this.#fd, bytes);
      } else {
        this.#sys.sendDetached(this.#fd, bytes, gone);
      }
    } catch (cause) {
      throw this.#broken(cause, 'Cannot send', requests[from]!);
    }
    return first;
  }

  /**
   * Receives until the conversation of `count` sequence numbers from `first` is
   * over: an NLMSG_DONE, an acknowledgement for which `acked` says so (by
   * default any), or with `single` any message. Messages of older conversations are dropped. What `each` throws
   * is thrown on once the answer has been read to its end, so that the next
   * conversation does not find the rest of this one.
   */
  #converse(
    first: number,
    count: number,
    request: Request,
    each?: (message: MessageReader) => void,
    acked?: (sequence: number, ack: Ack) => boolean,
    single = false,
  ): Outcome {
    const outcome: Outcome = { truncated: false, interrupted: false };
    let failed: { error: unknown } | undefined;
    for (let over = false; !over; ) {
      const length = this.#receive(request, !outcome.truncated);
      // What was cut off held the end: the kernel has no more to say.
      if (length < 0) {
        break;
      }
      if (length > this.#received.length) {
        // The rest of this datagram is gone; those after it still come.
        this.#received = new Uint8Array(1 << (32 - Math.clz32(length - 1)));
        outcome.truncated = true;
        if (acked !== undefined) {
          return outcome;
        }
        continue;
      }
      const message = new MessageReader(this.#received, length);
      // A long part of a dump: more of them follow, and the reader keeps the bytes of this one.
      if (2 * length > FIRST_BYTES && this.#received.length < DUMP_BYTES) {
        this.#received = new Uint8Array(DUMP_BYTES);
      }
      while (message.next()) {
        if (message.port !== this.port || (message.sequence - first) >>> 0 >= count) {
          continue;
        }
        if ((message.flags & NLM_F_DUMP_INTR) !== 0) {
          outcome.interrupted = true;
        }
        if (message.type >= NLMSG_MIN_TYPE) {
          try {
            if (failed === undefined && !outcome.truncated) {
              each?.(message);
            }
          } catch (error) {
            failed = { error };
          }
          if (single) {
            over = true;
          }
        } else if (message.type === NLMSG_ERROR) {
          const ack = decodeAck(message, message.flags);
          if (acked === undefined || acked(message.sequence, ack)) {
            over = true;
          }
          outcome.ack = ack;
        } else if (message.type === NLMSG_DONE) {
          outcome.ack = decodeDone(message, message.flags);
          over = true;
        } else if (message.type === NLMSG_OVERRUN) {
          outcome.truncated = true;
        }
      }
    }
    if (failed !== undefined) {
      throw failed.error;
    }
    return outcome;
  }

  /**
   * One datagram into `received`; gives its length, which may be more than there
   * is room for. When there is none it waits, or gives -1 if it may not.
   */
  #receive(request: Request, wait: boolean): number {
    for (;;) {
      try {
        return this.#sys.recv(this.#fd, this.#received, MSG_TRUNC | MSG_DONTWAIT);
      } catch (error) {
        const errno = error instanceof SysError ? error.errno : 0;
        if (errno === EINTR) {
          continue;
        }
        if (errno !== EAGAIN) {
          throw this.#broken(error, 'Cannot receive the answer to', request);
        }
      }
      if (!wait) {
        return -1;
      }
      if (this.#sys.poll(this.#fd, POLLIN, ANSWER_TIMEOUT_MS) === 0) {
        throw new NetlinkError({ errno: ETIMEDOUT, problem: 'No answer to', request });
      }
    }
  }

  #refusal({ errno, extack }: Ack, request: Request, index?: number): NetlinkError {
    return new NetlinkError({
      errno,
      problem: 'Kernel refused',
      request,
      ...(extack && { extack }),
      ...(index !== undefined && { index }),
    });
  }

  #broken(cause: unknown, problem: string, request: Request): unknown {
    if (!(cause instanceof SysError)) {
      return cause;
    }
    const lost = cause.errno === ENOBUFS ? 'Answers were lost of' : problem;
    return new NetlinkError({ errno: cause.errno, problem: lost, request, cause });
  }
}

interface Outcome {
  /** The acknowledgement or end that closed the conversation. */
  ack?: Ack;
  /** Something was longer than the buffer, which has grown. */
  truncated: boolean;
  /** The objects changed while they were listed. */
  interrupted: boolean;
}

const aligned = (request: Request): number => (NLMSG_HDRLEN + request.payload.length + 3) & ~3;
