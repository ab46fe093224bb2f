/** One change of a source file of the engine. */
export interface Change {
  /** @default 'quickjs.c' */
  file?: string;
  pattern: RegExp;
  /** Replacement text; `$1` is the first group. */
  by: string;
  /**
   * Required number of matches, so that a change is never half applied to another version of the engine.
   *
   * @default 1
   */
  times?: number;
}
