/** One change of a source file. */
export interface Change {
  file: string;
  pattern: RegExp;
  /** Replacement text; `$1` is the first group. */
  by: string;
  /** Required number of matches, so that a change is never half applied to another version of the engine. */
  times: number;
}
