/** An open watch, which faults disturb. */
import { checkKeys } from './check-keys.ts';

interface OpenWatch {
  drop(): void;
  stall(): void;
  bookmark(): void;
}

/** Which requests {@link Faults.failNext} fails, and how. */
export interface FailOptions {
  /** Headers of the response, such as `retry-after`. */
  headers?: Record<string, string>;
  /** Restricts the fault to requests with this verb (`list`, `watch`, `get`, `patch` ...). */
  verb?: string;
}

interface Failure extends FailOptions {
  left: number;
  status: number;
}

/** Faults to inject; all are off at the start. */
export interface Faults {
  /** Cuts the connection of every open watch and returns their number. */
  dropWatches(): number;
  /** Stalls every open watch: the connection stays up without another byte, not even its end. Returns their number. */
  stallWatches(): number;
  /** Accepts requests without answering them, until called with false. */
  stallRequests(on?: boolean): void;
  /** Compacts the history: older resource versions and continue tokens now get 410. */
  compact(): void;
  /** Sends a bookmark on every watch that requested bookmarks. */
  bookmark(): void;
  /** Answers the next `n` requests with `status` (and headers such as Retry-After). */
  failNext(n: number, status: number, options?: FailOptions): void;
  /** Replaces the next `n` responses or watch events by invalid JSON. */
  garbageNext(n?: number): void;
  /** Truncates the next `n` responses or watch events and breaks the connection. */
  truncateNext(n?: number): void;
  /** Sends each event twice. */
  duplicateEvents(on?: boolean): void;
  /** Delivers two events of one object in quick succession newest first. */
  reorderEvents(on?: boolean): void;
  /** Starts each watch with this many events from before its resourceVersion. */
  replayEvents(count: number): void;
  /**
   * Sets the response to a watch from a compacted revision: an ERROR event with status 200, or HTTP 410.
   *
   * @default 'event'
   */
  gone(as: 'event' | 'status'): void;
  /** Lets lists ignore `limit`, as servers that answer from their watch cache may. */
  ignoreListLimit(on?: boolean): void;
  /** Delays each response, ms. */
  delay(ms: number): void;
  /** Clears all faults; connections that already hang stay hung. */
  clear(): void;
}

/** The faults as the server reads them. */
export class ActiveFaults implements Faults {
  #failures: Failure[] = [];
  #garbage = 0;
  #truncated = 0;
  readonly #streams: ReadonlySet<OpenWatch>;
  readonly #compact: () => void;
  /** Delay before each response, ms. */
  delayMs = 0;
  /** Requests are accepted and never answered. */
  stalled = false;
  /** Each event is sent twice. */
  duplicate = false;
  /** Two events of one object in quick succession arrive newest first. */
  reorder = false;
  /** A watch starts with this many events from before its resourceVersion. */
  replay = 0;
  /** Response to a watch from a compacted revision: an ERROR event with status 200, or HTTP 410. */
  goneAs: 'event' | 'status' = 'event';
  /** Lists ignore `limit`, as servers that answer from their watch cache may. */
  ignoreLimit = false;

  constructor(streams: ReadonlySet<OpenWatch>, compact: () => void) {
    this.#streams = streams;
    this.#compact = compact;
  }

  dropWatches(): number {
    const open = [...this.#streams];
    for (const stream of open) {
      stream.drop();
    }
    return open.length;
  }

  stallWatches(): number {
    for (const stream of this.#streams) {
      stream.stall();
    }
    return this.#streams.size;
  }

  stallRequests(on = true): void {
    this.stalled = on;
  }

  compact(): void {
    this.#compact();
  }

  bookmark(): void {
    for (const stream of this.#streams) {
      stream.bookmark();
    }
  }

  failNext(n: number, status: number, options: FailOptions = {}): void {
    checkKeys<keyof FailOptions>('options', options, { headers: true, verb: true });
    this.#failures.push({ left: n, status, ...options });
  }

  garbageNext(n = 1): void {
    this.#garbage += n;
  }

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

  /** Called by the server: the failure for this request, if any. */
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
