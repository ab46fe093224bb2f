import type { Level } from './outcome.ts';
import type { Subject } from './subject.ts';

/** One requirement of the matrix. */
export interface Requirement {
  id: string;
  level: Level;
  title: string;
  /**
   * Tests the requirement. Returns the observation in a few words. Any error except Skipped counts as Unmet.
   *
   * @throws {Unmet} when the plugin does not meet the requirement
   * @throws {Skipped} when the requirement does not apply
   */
  run(subject: Subject): Promise<string> | string;
}
