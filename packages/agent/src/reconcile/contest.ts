/** Slows down the repair of what another program keeps changing: two repairers otherwise answer each other at full speed. */

import { type Problem, problem } from '../core/problem.ts';
import type { After } from '../core/timers.ts';

/** Repairs that are not delayed: an upgrade or a clean-up job causes a few. */
const FREE_REPAIRS = 5;
const DELAY_MS = { first: 1000, max: 30_000 } as const;
/** Time without a repair after which the other program has given up. Longer than the longest delay. */
const CALM_MS = 2 * DELAY_MS.max;

export class Contest {
  readonly #what: string;
  readonly #after: After;
  readonly #changed: (problems: Problem[]) => void;
  #repairs = 0;
  #cancel: (() => void) | undefined;

  /** `what` names the contested objects; `changed` takes the current problem, or none. */
  constructor(what: string, after: After, changed: (problems: Problem[]) => void) {
    this.#what = what;
    this.#after = after;
    this.#changed = changed;
  }

  /** How long the next repair waits, in ms. */
  get delayMs(): number {
    const late = this.#repairs - FREE_REPAIRS;
    return late <= 0 ? 0 : Math.min(DELAY_MS.first * 2 ** (late - 1), DELAY_MS.max);
  }

  /** Counts a pass that repaired something. */
  repaired(example: string): void {
    this.#repairs++;
    this.#cancel?.();
    this.#cancel = this.#after(CALM_MS, () => this.#calm());
    if (this.delayMs > 0) {
      this.#changed([
        problem(
          'contested',
          this.#what,
          `Another program keeps changing ${this.#what} of this agent, the last time ${example}. The agent waits ${this.delayMs / 1000} s before the next repair`,
        ),
      ]);
    }
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #calm(): void {
    this.#cancel = undefined;
    if (this.delayMs > 0) {
      this.#changed([]);
    }
    this.#repairs = 0;
  }
}
