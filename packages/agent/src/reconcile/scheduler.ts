/** Decides when passes run: bursts become one pass, passes over the rules keep a distance, failures are retried. */
import { type After, Timers } from '../core/timers.ts';

/** Delay that turns a burst of kernel or file events into one pass. */
const SETTLE_MS = 50;
/** Longest delay of a reload, which also follows changes of the default route. */
const MAX_RELOAD_DELAY_MS = 5000;
/** Least time between two passes over the rules, which start programs that take the lock of all rules. */
const RULES_MS = 1000;
const RETRY_MS = { first: 1000, max: 60_000 } as const;

/** The passes that a {@link Scheduler} starts. */
export interface Passes {
  partial(): void;
  reload(): void;
  resync(): void;
  settings(): void;
  rules(): void;
  files(): void;
}

export class Scheduler {
  readonly #timers: Timers<
    | 'partial'
    | 'repair'
    | 'rules-repair'
    | 'reload'
    | 'resync'
    | 'retry'
    | 'rules'
    | 'pause'
    | 'files'
    | 'settings'
  >;
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

  /** Schedules a pass over routes that another program changed. */
  scheduleRepair(delayMs: number): void {
    if (delayMs === 0) {
      this.schedulePartial();
    } else {
      this.#timers.start('repair', delayMs, () => this.#passes.partial());
    }
  }

  /** `delayMs` is that of contested routes: a tunnel that another program deletes is recreated by a reload. */
  scheduleReload(delayMs: number): void {
    this.#timers.start('reload', Math.max(SETTLE_MS, Math.min(delayMs, MAX_RELOAD_DELAY_MS)), () =>
      this.#passes.reload(),
    );
  }

  scheduleSettings(delayMs: number): void {
    this.#timers.start('settings', Math.max(delayMs, SETTLE_MS), () => this.#passes.settings());
  }

  scheduleFiles(delayMs: number): void {
    this.#timers.start('files', Math.max(delayMs, SETTLE_MS), () => this.#passes.files());
  }

  /** `burst`: more events may follow at once. */
  scheduleRules(burst: boolean): void {
    const ms = burst ? SETTLE_MS : 0;
    this.#timers.start('rules', this.#timers.due('pause') ? RULES_MS : ms, () => {
      this.#timers.start('pause', RULES_MS, () => undefined);
      this.#passes.rules();
    });
  }

  /** Schedules a pass over rules that another program changed. */
  scheduleRulesRepair(delayMs: number): void {
    if (delayMs === 0) {
      this.scheduleRules(true);
    } else {
      this.#timers.start('rules-repair', delayMs, () => this.scheduleRules(true));
    }
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
