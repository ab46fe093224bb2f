/** Undo steps of the work that ADD has done so far; a failed ADD runs them newest first. */
export interface Undo {
  /** Adds the undo step of the work just done. */
  push(step: () => void): void;
  /** Runs all steps. Ignores failures of steps. */
  run(): void;
}

export function undoStack(): Undo {
  const steps: (() => void)[] = [];
  return {
    push: (step) => {
      steps.push(step);
    },
    run: () => {
      for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
        try {
          step();
        } catch {
          // Report the error that made ADD fail. DEL and GC clean up later.
        }
      }
    },
  };
}
