/** Says each problem once when it appears and once when it is over, however often it is found again. */
import type { Log } from '../core/log.ts';
import type { Problem } from '../core/model.ts';

export class Problems {
  readonly #log: Log;
  /** Of each area, the problems that stand. */
  readonly #areas = new Map<string, Map<string, string>>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** States all problems of an area; those stated before and missing now are over. */
  set(area: string, problems: readonly Problem[]): void {
    const said = this.#areas.get(area);
    if (said === undefined && problems.length === 0) {
      return;
    }
    const before = said ?? new Map<string, string>();
    const now = new Map(problems.map(({ key, message }) => [key, message]));
    for (const [key, message] of now) {
      if (before.get(key) !== message) {
        this.#log.warn({ problem: key }, message);
      }
    }
    for (const key of before.keys()) {
      if (!now.has(key)) {
        this.#log.info({ problem: key }, `No longer a problem: ${key}`);
      }
    }
    if (now.size === 0) {
      this.#areas.delete(area);
    } else {
      this.#areas.set(area, now);
    }
  }

  /** As `set` for the area `${area} ${place}` of each place; those without problems cost nothing. */
  setAll(
    area: string,
    places: Iterable<string>,
    problems: ReadonlyMap<string, readonly Problem[]>,
    complete: boolean,
  ): void {
    const wanted = (place: string): void => this.set(`${area} ${place}`, problems.get(place) ?? []);
    for (const place of problems.keys()) {
      wanted(place);
    }
    if (this.#areas.size === 0) {
      return;
    }
    if (!complete) {
      for (const place of places) {
        if (!problems.has(place)) {
          wanted(place);
        }
      }
      return;
    }
    for (const name of [...this.#areas.keys()]) {
      if (name.startsWith(`${area} `)) {
        const place = name.slice(area.length + 1);
        if (!problems.has(place)) {
          wanted(place);
        }
      }
    }
  }

  /** All that stand, for `plan` and /readyz. */
  *[Symbol.iterator](): IterableIterator<Problem> {
    for (const area of this.#areas.values()) {
      for (const [key, message] of area) {
        yield { key, message };
      }
    }
  }

  get size(): number {
    let size = 0;
    for (const area of this.#areas.values()) {
      size += area.size;
    }
    return size;
  }
}
