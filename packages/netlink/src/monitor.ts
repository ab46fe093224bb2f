/**
 * What changes in the kernel's network configuration, as an async iterator. Node only.
 *
 * ```ts
 * import { monitor } from '@cnikit/netlink/monitor';
 * import { delLink, newLink, openRoute } from '@cnikit/netlink';
 *
 * const changes = monitor({ groups: ['link'] });
 * const rt = openRoute();
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
  NETLINK_ROUTE,
  sys as realSys,
  SO_RCVBUF,
  SOCK_RAW,
  SOL_SOCKET,
  type Sys,
  SysError,
} from '@cnikit/sys';
import { watchReadable } from '@cnikit/sys/readable';
import { MessageReader } from './codec/message.ts';
import { decodeEvent, type Event, type GroupName, groupMask } from './monitor-event.ts';
import { type Netns, withNetnsFd } from './netns-fd.ts';

export type { Action, Event, GroupName } from './monitor-event.ts';

/** What {@link monitor} listens to, and how much it keeps. */
export interface MonitorOptions {
  /** What to hear of. */
  groups: readonly GroupName[];
  /** The network namespace to listen in; ours by default. */
  netns?: Netns;
  sys?: Sys;
  /** Ends the iteration, without an error. */
  signal?: AbortSignal;
  /** Bytes that the kernel may keep for us (SO_RCVBUF, which it doubles); default: what the system gives. */
  receiveBuffer?: number;
  /** Events kept for a slow reader; beyond it they are dropped and `overflow` told. Default 16,384. */
  queueLimit?: number;
}

interface Waiting {
  resolve(result: IteratorResult<Event>): void;
  reject(error: unknown): void;
}

/** Datagrams read in one turn of the event loop, so that a storm does not starve the rest of the program. */
const READS_PER_TURN = 256;

/**
 * Listens from the moment it is called, so call it first and dump after: what
 * changes in between is told then. Fails like `openRoute`.
 */
export function monitor(options: MonitorOptions): Monitor {
  return new Monitor(options);
}

/** The events of one socket, for one reader. Leaving a `for await` loop closes it. */
export class Monitor implements AsyncIterableIterator<Event> {
  private readonly sys: Sys;
  private readonly fd: number;
  private readonly watch: { close(): void };
  private readonly queueLimit: number;
  private readonly signal?: AbortSignal;
  private buffer = new Uint8Array(32 * 1024);
  private queue: Event[] = [];
  private head = 0;
  private waiting: Waiting[] = [];
  private failure?: { error: unknown };
  private closed = false;
  private readonly onAbort = (): void => this.close();

  constructor({ groups, netns, sys = realSys, signal, receiveBuffer, queueLimit = 16_384 }: MonitorOptions) {
    this.sys = sys;
    this.queueLimit = queueLimit;
    this.fd = withNetnsFd(sys, netns, (netnsFd) => sys.socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, netnsFd));
    try {
      if (receiveBuffer !== undefined) sys.setsockopt(this.fd, SOL_SOCKET, SO_RCVBUF, receiveBuffer);
      sys.bindNetlink(this.fd, groupMask(groups));
      this.watch = watchReadable(this.fd, () => this.readable());
    } catch (error) {
      sys.close(this.fd);
      throw error;
    }
    if (signal !== undefined) {
      this.signal = signal;
      signal.addEventListener('abort', this.onAbort);
      if (signal.aborted) this.close();
    }
  }

  /** It is its own iterator: one reader. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next event. Rejects once when the socket fails. */
  next(): Promise<IteratorResult<Event>> {
    const event = this.queue[this.head];
    if (event !== undefined) {
      this.head++;
      if (this.head === this.queue.length) this.clear();
      return Promise.resolve({ value: event, done: false });
    }
    if (this.failure !== undefined) {
      const { error } = this.failure;
      delete this.failure;
      return Promise.reject(error);
    }
    if (this.closed) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
  }

  /** Closes; what `break` in a `for await` calls. */
  return(): Promise<IteratorResult<Event>> {
    this.close();
    return Promise.resolve({ value: undefined, done: true });
  }

  /** Stops listening; what was heard can still be read. A second call does nothing. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.signal?.removeEventListener('abort', this.onAbort);
    this.watch.close();
    this.sys.close(this.fd);
    for (const { resolve } of this.waiting.splice(0)) resolve({ value: undefined, done: true });
  }

  private readable(): void {
    try {
      for (let i = 0; i < READS_PER_TURN && this.readOne(); i++);
    } catch (error) {
      const reader = this.waiting.shift();
      if (reader === undefined) this.failure = { error };
      else reader.reject(error);
      this.close();
    }
  }

  /** False when there is nothing to be read now. */
  private readOne(): boolean {
    let length: number;
    try {
      length = this.sys.recv(this.fd, this.buffer, MSG_DONTWAIT | MSG_TRUNC);
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      if (error.code === 'EAGAIN') return false;
      if (error.code === 'EINTR') return true;
      if (error.code !== 'ENOBUFS') throw error;
      this.push({ type: 'overflow' });
      return true;
    }
    if (length > this.buffer.length) {
      this.buffer = new Uint8Array(length * 2);
      this.push({ type: 'overflow' });
      return true;
    }
    const message = new MessageReader(this.buffer, length);
    while (message.next()) this.push(decodeEvent(message));
    return true;
  }

  private push(event: Event): void {
    const reader = this.waiting.shift();
    if (reader !== undefined) {
      reader.resolve({ value: event, done: false });
      return;
    }
    if (this.queue.length - this.head >= this.queueLimit) {
      this.clear();
      this.queue.push({ type: 'overflow' });
      return;
    }
    const last = this.queue.at(-1);
    if (event.type !== 'overflow' || last?.type !== 'overflow') this.queue.push(event);
  }

  private clear(): void {
    this.queue = [];
    this.head = 0;
  }
}
