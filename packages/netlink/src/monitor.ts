/**
 * Changes of the kernel's network configuration, as an async iterator. Node only.
 *
 * ```ts
 * import { monitor } from '@cnikit/netlink/monitor';
 * import { delLink, newLink, openRtnetlink } from '@cnikit/netlink';
 *
 * const changes = monitor({ groups: ['link'] });
 * const rt = openRtnetlink();
 * rt.request(newLink({ kind: 'bridge', name: 'br7' }));
 * for await (const change of changes) {
 *   if (change.type === 'link') console.log(change.action, change.link.name); // new br7
 *   break; // closes the monitor
 * }
 * rt.request(delLink({ name: 'br7' }));
 * rt.close();
 * ```
 *
 * @module
 */

import {
  AF_NETLINK,
  MSG_DONTWAIT,
  MSG_TRUNC,
  NETLINK_NETFILTER,
  NETLINK_ROUTE,
  sys as realSys,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SOCK_RAW,
  SOL_SOCKET,
  type Sys,
  SysError,
} from '@cnikit/sys';
import { watchReadable } from '@cnikit/sys/readable';
import { checkSpec } from '#check-spec';
import { MessageReader } from './codec/message.ts';
import { decodeEvent, type Event, type GroupName, groupMask } from './monitor-event.ts';
import { decodeFlowEvent, type FlowAction, type FlowEvent, flowGroupMask } from './netfilter/flow-event.ts';
import { decodeNftEvent, NFNLGRP_NFTABLES, type NftEvent } from './netfilter/nft-event.ts';
import { type Netns, openInNetns } from './netns-fd.ts';

export type { Action, Event, GroupName } from './monitor-event.ts';
export type { FlowAction, FlowEvent } from './netfilter/flow-event.ts';
export type { NftEvent } from './netfilter/nft-event.ts';

/** How a monitor listens. */
export interface ListenOptions {
  /**
   * The network namespace to listen in.
   *
   * @default the namespace of the calling thread
   */
  netns?: Netns;
  sys?: Sys;
  /** Ends the iteration without an error. */
  signal?: AbortSignal;
  /** Port of a connection whose own changes the monitor ignores: `Connection.port`. */
  ignorePort?: number;
  /**
   * Size of the socket's receive buffer in bytes (SO_RCVBUF, which the kernel doubles). Values above the system's limit
   * need root on the host.
   *
   * @default the system's default
   */
  receiveBuffer?: number;
  /**
   * Maximum number of events that are queued for a slow reader. Beyond it they are dropped and reported as `overflow`.
   *
   * @default 16384
   */
  queueLimit?: number;
}

/** Options of {@link monitor}. */
export interface MonitorOptions extends ListenOptions {
  /**
   * The kinds of changes to report. The kernel announces no IPv4 routes that it removes because their link goes down
   * (Linux 6.18): listen to `link` too, and dump the routes when a link is down or deleted.
   */
  groups: readonly GroupName[];
}

interface Waiting<E> {
  resolve(result: IteratorResult<E>): void;
  reject(error: unknown): void;
}

/** The groups of a monitor and the decoder of their messages. */
export interface MonitorSource<E> {
  /** Netlink protocol of the socket: `NETLINK_NETFILTER`. */
  protocol: number;
  /** Bit n-1 is group n. */
  mask: number;
  /** Returns the event of a message. */
  decode: (message: MessageReader) => E;
  /** Prepares the bound socket. */
  start?: (sys: Sys, fd: number) => void;
}

interface Overflow {
  type: 'overflow';
}

/** Maximum number of datagrams per turn of the event loop, so that a burst does not starve the program. */
const READS_PER_TURN = 256;
/** Maximum number of datagrams that `close()` reads, more than a socket's buffer holds by default. */
const READS_AT_CLOSE = 4096;

const openSocket = (sys: Sys, protocol: number, netnsFd: number | undefined): number =>
  sys.socket(AF_NETLINK, SOCK_RAW, protocol, netnsFd);

/**
 * Listens from this call on. Call it before a dump, so that no change in between is lost.
 *
 * @throws {SysError} like `openRtnetlink()`
 * @throws {NetlinkEncodeError} BAD_REQUEST for an unknown group
 */
export function monitor({ groups, ...options }: MonitorOptions): Monitor {
  return new Monitor({ protocol: NETLINK_ROUTE, mask: groupMask(groups), decode: decodeEvent }, options);
}

/**
 * Listens to changes of tables, chains, rules and sets of nftables, including those of `iptables-nft`. The kernel does not
 * report changes of legacy iptables. Needs CAP_NET_ADMIN.
 *
 * @throws {SysError} like `openRtnetlink()`
 */
export function monitorNftables(options: ListenOptions = {}): Monitor<NftEvent> {
  const mask = 1 << (NFNLGRP_NFTABLES - 1);
  return new Monitor({ protocol: NETLINK_NETFILTER, mask, decode: decodeNftEvent }, options);
}

/** Options of {@link monitorConntrack}. */
export interface ConntrackMonitorOptions extends ListenOptions {
  /**
   * The changes to report.
   *
   * @default all
   */
  actions?: readonly FlowAction[];
}

/**
 * Listens to new, updated and deleted connections. With the sysctl `net.netfilter.nf_conntrack_events` 2, the default
 * since Linux 5.19, the kernel reports only connections that began while a monitor listened. Needs CAP_NET_ADMIN.
 *
 * @throws {SysError} like `openRtnetlink()`
 * @throws {NetlinkEncodeError} BAD_REQUEST for an unknown action
 */
export function monitorConntrack({
  actions = ['new', 'update', 'destroy'],
  ...options
}: ConntrackMonitorOptions = {}): Monitor<FlowEvent> {
  const source = { protocol: NETLINK_NETFILTER, mask: flowGroupMask(actions), decode: decodeFlowEvent };
  return new Monitor(source, options);
}

/** The events of one socket, for one reader. Leaving a `for await` loop closes the monitor. */
export class Monitor<E extends { type: string } = Event> implements AsyncIterableIterator<E | Overflow> {
  readonly #sys: Sys;
  readonly #fd: number;
  readonly #watch: { close(): void };
  readonly #queueLimit: number;
  readonly #decode: (message: MessageReader) => E;
  readonly #ignorePort: number;
  readonly #signal?: AbortSignal;
  #buffer = new Uint8Array(32 * 1024);
  #queue: Array<E | Overflow> = [];
  #head = 0;
  readonly #waiting: Waiting<E | Overflow>[] = [];
  #failure: { error: unknown } | undefined;
  #closed = false;
  readonly #onAbort = (): void => this.close();

  constructor({ protocol, mask, decode, start }: MonitorSource<E>, options: ListenOptions) {
    checkSpec('monitor options', options);
    const { netns, sys = realSys, signal, ignorePort = 0, receiveBuffer, queueLimit = 16_384 } = options;
    this.#sys = sys;
    this.#queueLimit = queueLimit;
    this.#decode = decode;
    // Port 0 is the kernel's own and is never ignored.
    this.#ignorePort = ignorePort;
    this.#fd = openInNetns(sys, netns, protocol, openSocket);
    try {
      if (receiveBuffer !== undefined) {
        this.#makeRoom(receiveBuffer);
      }
      sys.bindNetlink(this.#fd, mask);
      start?.(sys, this.#fd);
      this.#watch = watchReadable(this.#fd, () => this.#readable());
    } catch (error) {
      sys.close(this.#fd);
      throw error;
    }
    if (signal !== undefined) {
      this.#signal = signal;
      signal.addEventListener('abort', this.#onAbort);
      if (signal.aborted) {
        this.close();
      }
    }
  }

  /** Returns the monitor itself. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Returns the next event. Rejects once when the socket fails. */
  next(): Promise<IteratorResult<E | Overflow>> {
    const event = this.#queue[this.#head];
    if (event !== undefined) {
      this.#head++;
      if (this.#head === this.#queue.length) {
        this.#clear();
      }
      return Promise.resolve({ value: event, done: false });
    }
    if (this.#failure !== undefined) {
      const { error } = this.#failure;
      this.#failure = undefined;
      return Promise.reject(error);
    }
    if (this.#closed) {
      return Promise.resolve({ value: undefined, done: true });
    }
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** Closes the monitor. `break` in a `for await` loop calls it. */
  return(): Promise<IteratorResult<E | Overflow>> {
    this.#end();
    return Promise.resolve({ value: undefined, done: true });
  }

  /**
   * Stops listening. The events up to now can still be read, those included that the kernel has delivered and the
   * event loop has not. A second call does nothing.
   */
  close(): void {
    if (this.#closed) {
      return;
    }
    try {
      for (let i = 0; i < READS_AT_CLOSE && this.#readOne(); i++) {}
    } catch (error) {
      this.#fail(error);
    }
    this.#end();
  }

  #end(): void {
    if (this.#closed) {
      return;
    }
    this.#closed = true;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#watch.close();
    this.#sys.close(this.#fd);
    for (const { resolve } of this.#waiting.splice(0)) {
      resolve({ value: undefined, done: true });
    }
  }

  #makeRoom(size: number): void {
    try {
      this.#sys.setsockopt(this.#fd, SOL_SOCKET, SO_RCVBUFFORCE, size);
    } catch (error) {
      if (!(error instanceof SysError && error.code === 'EPERM')) {
        throw error;
      }
      this.#sys.setsockopt(this.#fd, SOL_SOCKET, SO_RCVBUF, size);
    }
  }

  #readable(): void {
    try {
      for (let i = 0; i < READS_PER_TURN && this.#readOne(); i++) {}
    } catch (error) {
      this.#fail(error);
      this.#end();
    }
  }

  #fail(error: unknown): void {
    const reader = this.#waiting.shift();
    if (reader === undefined) {
      this.#failure = { error };
    } else {
      reader.reject(error);
    }
  }

  /** Returns false when the socket has nothing to read. */
  #readOne(): boolean {
    let length: number;
    try {
      length = this.#sys.recv(this.#fd, this.#buffer, MSG_DONTWAIT | MSG_TRUNC);
    } catch (error) {
      if (!(error instanceof SysError)) {
        throw error;
      }
      if (error.code === 'EAGAIN') {
        return false;
      }
      if (error.code === 'EINTR') {
        return true;
      }
      if (error.code !== 'ENOBUFS') {
        throw error;
      }
      this.#push({ type: 'overflow' });
      return true;
    }
    if (length > this.#buffer.length) {
      this.#buffer = new Uint8Array(length * 2);
      this.#push({ type: 'overflow' });
      return true;
    }
    const message = new MessageReader(this.#buffer, length);
    while (message.next()) {
      if (this.#ignorePort === 0 || message.port !== this.#ignorePort) {
        this.#push(this.#decode(message));
      }
    }
    return true;
  }

  #push(event: E | Overflow): void {
    const reader = this.#waiting.shift();
    if (reader !== undefined) {
      reader.resolve({ value: event, done: false });
      return;
    }
    if (this.#queue.length - this.#head >= this.#queueLimit) {
      this.#clear();
      this.#queue.push({ type: 'overflow' });
      return;
    }
    const last = this.#queue.at(-1);
    if (event.type !== 'overflow' || last?.type !== 'overflow') {
      this.#queue.push(event);
    }
  }

  #clear(): void {
    this.#queue = [];
    this.#head = 0;
  }
}
