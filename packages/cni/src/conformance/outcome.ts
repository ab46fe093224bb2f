/** Level of a requirement; `ref` is behaviour of the reference library that peers rely on. */
export type Level = 'MUST' | 'SHOULD' | 'MAY' | 'ref';

/** Verdict on a requirement; `warn` means that it is below MUST and not met. */
export type Verdict = 'pass' | 'fail' | 'warn' | 'skip';

/** Verdict on one requirement, with the observation. */
export interface Finding {
  id: string;
  level: Level;
  title: string;
  verdict: Verdict;
  /** The observation, or the reason for skipping. */
  seen: string;
}

/** Reports that the plugin does not meet the requirement. */
export class Unmet extends Error {
  override readonly name = 'Unmet';
}

/** Reports that the requirement does not apply to this plugin or cannot be observed. */
export class Skipped extends Error {
  override readonly name = 'Skipped';
}

/**
 * Asserts that a requirement is met.
 *
 * @throws {Unmet} with the observation when it is not
 */
export function expect(condition: boolean, seen: string): asserts condition {
  if (!condition) {
    throw new Unmet(seen);
  }
}

/**
 * Skips a requirement.
 *
 * @throws {Skipped} always
 */
export function skip(reason: string): never {
  throw new Skipped(reason);
}
