/** Decides when passes run: bursts become one pass, passes over the rules keep a distance, failures are retried. */
import { type After, Timers } from '../core/timers.ts';

/** Delay that turns a burst of kernel or file events into one pass. */
const SETTLE_MS = 50;
/** Least time between two passes over the rules, which start programs that take the lock of all rules. */
const RULES_MS = 1000;
const RETRY_MS = { first: 1000, max: 60_000 } as const;

/** The passes that a {@link Scheduler} starts. */
export interface Passes {
  partial(): void;
  reload(): void;
  resync(): void;
  rules(): void;
  files(): void;
}

export class Scheduler {
  readonly #timers: Timers<'partial' | 'reload' | 'resync' | 'retry' | 'rules' | 'pause' | 'files'>;
  readonly #passes: Passes;
  readonly #resyncMs: number;
  #retryMs: number = RETRY_MS.first;

  /** `resyncMs` is the time between two complete passes. */
  constructor(after: After, passes: Passes, resyncMs: number) {
    this.#timers = new Timers(after);
    this.#passes = passes;
    this.#resyncMs = resyncMs;
  }

  get closed(): boolean {
    return this.#timers.closed;
  }

  /** Node events of one turn become one pass. */
  schedulePartial(): void {
    this.#timers.start('partial', 0, () => this.#passes.partial());
  }

  scheduleReload(): void {
    this.#timers.start('reload', SETTLE_MS, () => this.#passes.reload());
  }

  scheduleFiles(): void {
    this.#timers.start('files', SETTLE_MS, () => this.#passes.files());
  }

  /** `burst`: more events may follow at once. */
  scheduleRules(burst: boolean): void {
    const ms = burst ? SETTLE_MS : 0;
    this.#timers.start('rules', this.#timers.due('pause') ? RULES_MS : ms, () => {
      this.#timers.start('pause', RULES_MS, () => undefined);
      this.#passes.rules();
    });
  }

  /** A complete pass starts now: it replaces a reload, and the next one follows after the interval. */
  resyncStarts(): void {
    this.#timers.stop('reload');
    this.#timers.restart('resync', this.#resyncMs, () => this.#passes.resync());
  }

  /** A complete pass ended: what an earlier failure scheduled is obsolete. */
  completePassEnded(ok: boolean): void {
    this.#timers.stop('retry');
    if (ok) {
      this.#retryMs = RETRY_MS.first;
    } else {
      this.retry();
    }
  }

  /** Schedules a complete pass, later after each failure. */
  retry(): void {
    if (this.#timers.due('retry')) {
      return;
    }
    this.#timers.start('retry', this.#retryMs, () => this.#passes.resync());
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS.max);
  }

  close(): void {
    this.#timers.close();
  }
}
