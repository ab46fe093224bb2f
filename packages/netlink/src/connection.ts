import type { Sys } from '@cnikit/sys';
import { checkSpec } from '#check-spec';
import { type Ack, NLM_F_DUMP, NLM_F_ECHO } from './codec/ack.ts';
import { NetlinkEncodeError } from './codec/errors.ts';
import { MessageReader } from './codec/message.ts';
import type { Request } from './codec/request.ts';
import { converse, type Outcome } from './conversation.ts';
import { NetlinkError, refusal } from './errors.ts';
import type { Netns } from './netns-fd.ts';
import { NetlinkSocket } from './socket.ts';

/** How a connection is opened. */
export interface ConnectionOptions {
  sys: Sys;
  /** NETLINK_ROUTE, NETLINK_NETFILTER, … */
  protocol: number;
  /**
   * The network namespace to open the socket in: path, descriptor or process.
   *
   * @default the namespace of the calling thread
   */
  netns?: Netns | undefined;
  /**
   * How often a dump that changes interrupt is repeated.
   *
   * @default 16
   */
  dumpAttempts?: number | undefined;
}

/** Decodes one message of a dump or query. `undefined` leaves the message out of the result. */
export type Decode<T> = (message: MessageReader) => T | undefined;

const NO_ACK = -1;
/** So many answers fit into the receive buffer, also those about links, which take 2 to 6 KiB of it. */
const QUERY_MESSAGES = 32;
const ENOENT = 2;
const EINTR = 4;
const EMSGSIZE = 90;

/**
 * A netlink connection: synchronous, one conversation at a time. It belongs to the namespace it was opened in, even if
 * the thread enters another later.
 */
export class Connection {
  /** The socket, for code that needs no conversation. */
  readonly socket: NetlinkSocket;
  readonly #dumpAttempts: number;

  /** @throws {SysError} when the socket cannot be opened, or `netns` is not a network namespace (ENOENT, EINVAL) */
  constructor(options: ConnectionOptions) {
    checkSpec('connection options', options);
    const { sys, protocol, netns, dumpAttempts = 16 } = options;
    this.#dumpAttempts = dumpAttempts;
    this.socket = new NetlinkSocket(sys, protocol, netns);
  }

  /** The socket's address. The kernel's notifications carry the port of the connection that caused the change. */
  get port(): number {
    return this.socket.port;
  }

  /** Closes the socket. A second call does nothing. */
  close(): void {
    this.socket.close();
  }

  /** Closes at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * Sends one request and waits for its acknowledgement.
   *
   * @throws {NetlinkError} when the kernel refuses the request
   */
  request(request: Request): void {
    const requests = [request];
    if (this.socket.succeeds(this.socket.send(requests))) {
      return;
    }
    const [failure] = this.#settle(requests, 0, 1, []);
    if (failure !== undefined) {
      throw failure;
    }
  }

  /**
   * Sends all requests, in order, in as few datagrams as possible. Requests after a failed one are still tried.
   *
   * @throws {NetlinkError} the first failure, with its `index` and with all of them in `failures`
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

  /** Like `batch()`, but returns the failures. Empty: every request succeeded. */
  batchSettled(requests: readonly Request[]): NetlinkError[] {
    if (!Array.isArray(requests)) {
      throw new NetlinkEncodeError('BAD_REQUEST', 'A batch is an array of requests; send one with request()');
    }
    const failures: NetlinkError[] = [];
    for (let from = 0; from < requests.length; ) {
      const to = this.socket.sendBatch(requests, from);
      /*
       * Only the last request asks for an acknowledgement. The kernel works in order and always reports a refusal, so a
       * request without an answer before the last acknowledgement has succeeded.
       */
      if (!this.socket.succeeds(this.socket.sequence)) {
        this.#settle(requests, from, to, failures);
      }
      from = to;
    }
    return failures;
  }

  /**
   * Requests one object, or creates one and has the kernel send it back (NLM_F_ECHO). Returns what `decode` makes of
   * the answer.
   *
   * @throws {NetlinkError} when the kernel refuses the request
   */
  query<T>(request: Request, decode: Decode<T>): T | undefined {
    return this.#query(request, decode, this.socket.send([request]), true);
  }

  /**
   * Like `query()`, when the answer is one message or a refusal: no acknowledgement is requested. The message is valid
   * until `decode` returns.
   */
  queryOne<T>(request: Request, decode: Decode<T>): T | undefined {
    const first = this.socket.send([request], 0, NO_ACK);
    const length = this.socket.answer(first);
    return length > 0
      ? decodeOnly(this.socket.received, length, decode)
      : this.#query(request, decode, first, false);
  }

  /**
   * Like `queryOne()` for several requests, up to 32 of them in one datagram, in their order. An object that does not exist
   * (ENOENT) has the value `undefined`.
   */
  queryEach<T>(requests: readonly Request[], decode: Decode<T>): (T | undefined)[] {
    const { socket } = this;
    const values: (T | undefined)[] = [];
    if (requests.length === 0) {
      return values;
    }
    if (requests.length > QUERY_MESSAGES) {
      for (let from = 0; from < requests.length; from += QUERY_MESSAGES) {
        values.push(...this.queryEach(requests.slice(from, from + QUERY_MESSAGES), decode));
      }
      return values;
    }
    const first = socket.send(requests, 0, NO_ACK);
    for (let i = 0; i < requests.length; i++) {
      const length = socket.answer(first + i);
      if (length > 0) {
        values.push(decodeOnly(socket.received, length, decode));
        continue;
      }
      const request = requests[i]!;
      const { ack, truncated, value } = this.#receive(first + i, request, decode, true);
      if (truncated) {
        // The repeated request drops the other answers.
        return [...values, ...requests.slice(i).flatMap((one) => this.queryEach([one], decode))];
      }
      if (ack !== undefined && ack.errno !== 0 && ack.errno !== ENOENT) {
        throw refusal(ack, request);
      }
      values.push(value);
    }
    return values;
  }

  #query<T>(request: Request, decode: Decode<T>, sequence: number, acked: boolean): T | undefined {
    for (let first = sequence; ; first = this.socket.send([request], 0, acked ? 0 : NO_ACK)) {
      const { ack, truncated, value } = this.#receive(first, request, decode, !acked);
      // A query can be repeated; a creation cannot.
      if (truncated && (request.flags & NLM_F_ECHO) === 0) {
        continue;
      }
      if (ack !== undefined && ack.errno !== 0) {
        throw refusal(ack, request);
      }
      return value;
    }
  }

  /** Receives the answer to a query. */
  #receive<T>(
    sequence: number,
    request: Request,
    decode: Decode<T>,
    single: boolean,
  ): Outcome & { value?: T | undefined } {
    let value: T | undefined;
    const each = (message: MessageReader) => {
      value ??= decode(message);
    };
    const outcome = converse(this.socket, { first: sequence, count: 1, request, each, single });
    return Object.assign(outcome, { value });
  }

  /**
   * Requests all objects. The result is consistent: a dump that changes interrupt, or that exceeds the buffer, is
   * repeated.
   *
   * @throws {NetlinkError} when the kernel refuses the request, `EINTR` when changes interrupt every attempt
   */
  dump<T>(request: Request, decode: Decode<T>): T[] {
    for (let attempt = 0; attempt < this.#dumpAttempts; ) {
      const all: T[] = [];
      const first = this.socket.send([request], NLM_F_DUMP, NO_ACK);
      const each = (message: MessageReader) => {
        const one = decode(message);
        if (one !== undefined) {
          all.push(one);
        }
      };
      const outcome = converse(this.socket, { first, count: 1, request, each });
      if (outcome.ack !== undefined && outcome.ack.errno === EINTR) {
        outcome.interrupted = true;
      } else if (outcome.ack !== undefined && outcome.ack.errno !== 0) {
        throw refusal(outcome.ack, request);
      }
      if (!outcome.interrupted && !outcome.truncated) {
        return all;
      }
      // A truncated dump does not count: the buffer has grown, which cannot go on forever.
      if (outcome.interrupted) {
        attempt++;
      }
    }
    const problem = `Changes interrupted ${this.#dumpAttempts} times`;
    throw new NetlinkError({ errno: EINTR, problem, request });
  }

  /**
   * Sends all requests in one datagram, for protocols whose transactions succeed or fail as a whole (nfnetlink). The
   * first and the last request are the brackets of the transaction. Errors have the index that `indexes` gives to the
   * message, or its position after the opening bracket.
   *
   * @throws {NetlinkError} the first refusal, with all of them in `failures`, or as many as the receive buffer held. The
   * default buffer holds some 255. `ENOBUFS` when the kernel dropped answers and no refusal came: the transaction may
   * have been done.
   */
  transaction(requests: readonly Request[], indexes?: readonly number[]): void {
    // Only recent kernels acknowledge the closing bracket.
    const last = requests.length - 2;
    const first = this.socket.send(requests, 0, last);
    // Refusals come before it, in the order of the messages.
    if (this.socket.succeeds(first + last)) {
      return;
    }
    const failures: NetlinkError[] = [];
    const [request] = requests as [Request];
    const acked = (sequence: number, ack: Ack): boolean => {
      const at = sequence - first;
      if (ack.errno !== 0) {
        failures.push(refusal(ack, requests[at]!, indexes?.[at - 1] ?? at - 1));
      }
      // A refused opening bracket refuses the whole transaction; the kernel may send nothing else.
      return at === last || (at === 0 && ack.errno !== 0);
    };
    const outcome = converse(this.socket, { first, count: requests.length, request, acked });
    const failure = failures[0] ?? outcome.lost ?? (outcome.truncated ? tooLong(request) : undefined);
    if (failure === undefined) {
      return;
    }
    failure.failures = failures;
    throw failure;
  }

  /** Receives the answers to what the last send had, and adds the failures. */
  #settle(requests: readonly Request[], from: number, to: number, failures: NetlinkError[]): NetlinkError[] {
    const last = to - from - 1;
    const first = this.socket.sequence - last;
    const request = requests[from]!;
    const acked = (sequence: number, ack: Ack): boolean => {
      const at = sequence - first;
      if (ack.errno !== 0) {
        failures.push(refusal(ack, requests[from + at]!, from + at));
      }
      return at === last;
    };
    const outcome = converse(this.socket, { first, count: to - from, request, acked });
    const lost = outcome.lost ?? (outcome.truncated ? tooLong(request) : undefined);
    if (lost !== undefined) {
      lost.failures = failures;
      throw lost;
    }
    return failures;
  }
}

/** Reads single answers, unless one is being decoded: creating a reader takes longer than reading. */
let spare: MessageReader | undefined = new MessageReader(new Uint8Array(0));

function decodeOnly<T>(bytes: Uint8Array, length: number, decode: Decode<T>): T | undefined {
  const reader = spare ?? new MessageReader(bytes);
  spare = undefined;
  reader.restartAtOnly(bytes, length);
  const value = decode(reader);
  spare = reader;
  return value;
}

const tooLong = (request: Request): NetlinkError =>
  new NetlinkError({ errno: EMSGSIZE, problem: 'An answer was too long for', request });
