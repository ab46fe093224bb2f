import type { Level } from './outcome.ts';
import type { Subject } from './subject.ts';

/** One line of the matrix. */
export interface Requirement {
  id: string;
  level: Level;
  title: string;
  /** Finds out, and says in few words what was seen. Throws Unmet or Skipped; anything else is Unmet too. */
  run(subject: Subject): Promise<string> | string;
}
