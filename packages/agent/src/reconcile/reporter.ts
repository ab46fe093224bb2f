/** Logs each change and each problem once; nothing while the agent is idle. */

import { type Action, describe, signOf } from '../core/action.ts';
import type { Log } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import { ProblemTracker } from './problem-tracker.ts';

/** Maximum number of changes that are logged one by one; more are summed up in one line. */
const LINES = 20;

export class Reporter {
  readonly problems: ProblemTracker;
  readonly #log: Log;
  readonly #metrics: Metrics;
  /** When the route to each destination last changed, ms since the epoch. */
  readonly changedAt = new Map<string, number>();

  constructor(log: Log, metrics: Metrics) {
    this.problems = new ProblemTracker(log);
    this.#log = log;
    this.#metrics = metrics;
  }

  /** Logs and counts changes. `drift` returns whether a change repairs what another program changed. */
  changes<A extends Action>(actions: readonly A[], drift: (action: A) => boolean = () => false): void {
    const [kinds, repairs] = [new Map<string, number>(), new Map<string, number>()];
    const count = (counts: Map<string, number>, kind: string): void =>
      void counts.set(kind, (counts.get(kind) ?? 0) + 1);
    const now = Date.now();
    for (const action of actions) {
      count(kinds, action.kind);
      if (action.kind === 'route' && action.op === 'remove') {
        this.changedAt.delete(action.old.dst);
      } else if (action.kind === 'route') {
        this.changedAt.set(action.route.dst, now);
      }
      if (drift(action)) {
        count(repairs, action.kind);
      }
    }
    for (const [kind, number] of kinds) {
      this.#metrics.add('changes', number, { kind });
    }
    for (const [kind, number] of repairs) {
      this.#metrics.add('drift_repairs', number, { kind });
    }
    if (actions.length <= LINES) {
      for (const action of actions) {
        this.#log.info({ change: action.kind }, describe(action));
      }
      return;
    }
    const signs = { '+': 0, '-': 0, '~': 0 };
    for (const action of actions) {
      signs[signOf(action)]++;
    }
    this.#log.info(
      { change: actions[0]!.kind, added: signs['+'], removed: signs['-'], changed: signs['~'] },
      `${actions.length} changes, the first: ${describe(actions[0]!)}`,
    );
  }

  info(message: string): void {
    this.#log.info({}, message);
  }
}
