/** What ADD has done so far, as steps that take it back; a failed ADD runs them newest first. */
export interface Undo {
  /** Remembers how to take back what was just done. */
  push(step: () => void): void;
  /** Takes everything back. A step that fails does not keep the others from running. */
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
          // The error that made ADD fail is the one to report; DEL and GC come after it.
        }
      }
    },
  };
}
