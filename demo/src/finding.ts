/** The outcome of a step or check. */
export interface Finding {
  passed: boolean;
  /** Text for the line of the step. */
  outcome?: string | undefined;
  /** Draws details below the line. */
  draw?: (() => void) | undefined;
}
