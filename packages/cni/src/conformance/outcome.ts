/** How binding a requirement is; `ref` is what the reference library does, so that peers rely on it. */
export type Level = 'MUST' | 'SHOULD' | 'MAY' | 'ref';

/** What came out: `warn` is a requirement that is not met but is no MUST. */
export type Verdict = 'pass' | 'fail' | 'warn' | 'skip';

/** A requirement and what came of it. */
export interface Finding {
  id: string;
  level: Level;
  title: string;
  verdict: Verdict;
  /** What was seen, or why nothing was tried. */
  seen: string;
}

/** The plugin does not do what the requirement asks. */
export class Unmet extends Error {
  override readonly name = 'Unmet';
}

/** The requirement does not concern this plugin, or cannot be seen here. */
export class Skipped extends Error {
  override readonly name = 'Skipped';
}

/** Throws Unmet with what was seen instead. */
export function expect(condition: boolean, seen: string): asserts condition {
  if (!condition) {
    throw new Unmet(seen);
  }
}

/** Throws Skipped. */
export function skip(reason: string): never {
  throw new Skipped(reason);
}
