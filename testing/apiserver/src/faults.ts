/** Everything that can go wrong on purpose. All off at the start. */
import type { WatchStream } from './watch.ts';

export interface FailOptions {
  headers?: Record<string, string>;
  /** Only requests whose verb is this (`list`, `watch`, `get`, `patch` ...). */
  verb?: string;
}

interface Failure extends FailOptions {
  left: number;
  status: number;
}

export class Faults {
  #failures: Failure[] = [];
  #garbage = 0;
  #truncated = 0;
  readonly #streams: ReadonlySet<WatchStream>;
  readonly #compact: () => void;
  /** Milliseconds before any request is answered. */
  delayMs = 0;
  /** Requests are accepted and never answered. */
  stalled = false;
  /** Each event is sent twice. */
  duplicate = false;
  /** Two events of one object in quick succession arrive newest first. */
  reorder = false;
  /** A watch starts with this many events from before its resourceVersion. */
  replay = 0;
  /** How a watch from a compacted revision is refused: an ERROR event in a 200 answer, or HTTP 410. */
  goneAs: 'event' | 'status' = 'event';
  /** Lists ignore `limit`, as servers that answer from their watch cache may. */
  ignoreLimit = false;

  constructor(streams: ReadonlySet<WatchStream>, compact: () => void) {
    this.#streams = streams;
    this.#compact = compact;
  }

  /** Cuts every open watch's connection; returns how many there were. */
  dropWatches(): number {
    const open = [...this.#streams];
    for (const stream of open) {
      stream.drop();
    }
    return open.length;
  }

  /** Lets every open watch hang: connection up, not a byte any more, not even its end. */
  stallWatches(): number {
    for (const stream of this.#streams) {
      stream.stall();
    }
    return this.#streams.size;
  }

  /** Accepts requests and never answers them, until called with false. */
  stallRequests(on = true): void {
    this.stalled = on;
  }

  /** Forgets the history: old resource versions and continue tokens get 410 from here on. */
  compact(): void {
    this.#compact();
  }

  /** Sends a bookmark on every watch that asked for them. */
  bookmark(): void {
    for (const stream of this.#streams) {
      stream.bookmark();
    }
  }

  /** The next `n` requests get `status` (and headers such as Retry-After). */
  failNext(n: number, status: number, options: FailOptions = {}): void {
    this.#failures.push({ left: n, status, ...options });
  }

  /** The next `n` answers or watch events are not JSON. */
  garbageNext(n = 1): void {
    this.#garbage += n;
  }

  /** The next `n` answers or watch events stop in the middle, and the connection breaks. */
  truncateNext(n = 1): void {
    this.#truncated += n;
  }

  duplicateEvents(on = true): void {
    this.duplicate = on;
  }

  reorderEvents(on = true): void {
    this.reorder = on;
  }

  replayEvents(count: number): void {
    this.replay = count;
  }

  gone(as: 'event' | 'status'): void {
    this.goneAs = as;
  }

  ignoreListLimit(on = true): void {
    this.ignoreLimit = on;
  }

  delay(ms: number): void {
    this.delayMs = ms;
  }

  /** Back to an honest server; connections that hang already go on hanging. */
  clear(): void {
    this.#failures = [];
    this.#garbage = 0;
    this.#truncated = 0;
    this.delayMs = 0;
    this.stalled = false;
    this.duplicate = false;
    this.reorder = false;
    this.replay = 0;
    this.goneAs = 'event';
    this.ignoreLimit = false;
  }

  /** Used by the server: the failure that this request gets, if any. */
  takeFailure(verb: string): { status: number; headers: Record<string, string> } | undefined {
    const failure = this.#failures.find((f) => f.left > 0 && (f.verb === undefined || f.verb === verb));
    if (failure === undefined) {
      return undefined;
    }
    failure.left -= 1;
    return { status: failure.status, headers: failure.headers ?? {} };
  }

  takeGarbage(): boolean {
    if (this.#garbage === 0) {
      return false;
    }
    this.#garbage -= 1;
    return true;
  }

  takeTruncated(): boolean {
    if (this.#truncated === 0) {
      return false;
    }
    this.#truncated -= 1;
    return true;
  }
}
