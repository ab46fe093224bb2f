/** An undo step of work that ADD has done; absent when that work is not done yet. */
export type UndoStep = (() => void) | false | undefined;

/** Runs the undo steps of a failed ADD in order, so the newest comes first. Ignores failures of steps. */
export function undoAll(steps: readonly UndoStep[]): void {
  for (const step of steps) {
    try {
      if (step) {
        step();
      }
    } catch {
      // Report the error that made ADD fail. DEL and GC clean up later.
    }
  }
}
