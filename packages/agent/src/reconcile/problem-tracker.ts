/** Current problems. Each is logged once when it appears and once when it ends, however often it is found. */
import type { Log } from '../core/log.ts';
import { type Problem, problemKey } from '../core/problem.ts';

/** Part of a pass that finds problems. */
export type ProblemArea =
  | 'own-node'
  | 'node'
  | 'route'
  | 'host'
  | 'kernel'
  | 'sysctls'
  | 'rules'
  | 'cni'
  | 'self-test'
  | 'readiness'
  | 'contested'
  | 'pods'
  | 'policy'
  | 'condition'
  | 'taint';

export class ProblemTracker {
  readonly #log: Log;
  /** Problems by area, by place within the area, and by key. */
  readonly #areas = new Map<ProblemArea, Map<string, Map<string, Problem>>>();

  constructor(log: Log) {
    this.#log = log;
  }

  /**
   * Replaces the problems of an area, or of one place in it, such as a node or a podCIDR. Problems that are not among
   * them any more have ended.
   */
  set(area: ProblemArea, problems: readonly Problem[], place = ''): void {
    const places = this.#areas.get(area);
    const before = places?.get(place);
    if (before === undefined && problems.length === 0) {
      return;
    }
    const now = new Map(problems.map((each) => [problemKey(each), each]));
    for (const [key, { kind, message }] of now) {
      if (before?.get(key)?.message !== message) {
        this.#log.warn({ problem: kind }, message);
      }
    }
    for (const [key, { kind }] of before ?? []) {
      if (!now.has(key)) {
        this.#log.info({ problem: kind }, `Resolved: ${key}`);
      }
    }
    if (now.size > 0) {
      this.#areas.set(area, (places ?? new Map()).set(place, now));
    } else if (places!.size === 1) {
      this.#areas.delete(area);
    } else {
      places!.delete(place);
    }
  }

  /**
   * Calls `set` for each of `places`, and if `complete` for all places of the area. Places without problems, before and
   * now, cost nothing.
   */
  setAll(
    area: ProblemArea,
    places: Iterable<string>,
    problems: ReadonlyMap<string, readonly Problem[]>,
    complete: boolean,
  ): void {
    for (const [place, found] of problems) {
      this.set(area, found, place);
    }
    const before = this.#areas.get(area);
    if (before === undefined) {
      return;
    }
    for (const place of complete ? [...before.keys()] : places) {
      if (!problems.has(place)) {
        this.set(area, [], place);
      }
    }
  }

  /** Every current problem. */
  *[Symbol.iterator](): IterableIterator<Problem> {
    for (const places of this.#areas.values()) {
      for (const problems of places.values()) {
        yield* problems.values();
      }
    }
  }
}
