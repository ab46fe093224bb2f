/** One log line for each change and each problem; none when nothing happens. */
import { type Action, describe } from './diff.ts';
import type { Metrics } from './metrics.ts';
import { type ProblemLog, Problems } from './observe/problems.ts';

/** More changes than this at once are summed up in one line. */
const LINES = 20;

export class Report {
  readonly problems: Problems;
  readonly #log: ProblemLog;
  readonly #metrics: Metrics;

  constructor(log: ProblemLog, metrics: Metrics) {
    this.problems = new Problems(log);
    this.#log = log;
    this.#metrics = metrics;
  }

  changes(actions: readonly Action[]): void {
    this.#metrics.add('changes', actions.length);
    if (actions.length <= LINES) {
      for (const action of actions) this.#log.info({ change: action.kind }, describe(action));
      return;
    }
    const count = { '+': 0, '-': 0, '~': 0 };
    for (const action of actions) count[describe(action)[0] as '+' | '-' | '~']++;
    this.#log.info(
      { change: actions[0]!.kind, added: count['+'], removed: count['-'], changed: count['~'] },
      `${actions.length} changes, the first: ${describe(actions[0]!)}`,
    );
  }

  said(message: string): void {
    this.#log.info({}, message);
  }
}
