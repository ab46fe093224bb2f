import type { Run, RunResult } from '../model.ts';

/** An expected command and its result. */
export interface ScriptedStep {
  /** argv joined with spaces. */
  readonly command: string;
  /**
   * Expected standard input.
   *
   * @default any
   */
  readonly input?: string;
  readonly result?: Partial<RunResult>;
}

/** A runner that expects a sequence of commands. */
export interface ScriptedRun {
  readonly run: Run;
  /** @throws {Error} when expected commands were not run */
  done(): void;
}

/** Creates a runner that returns the results of `steps` in order and throws for any other command. */
export function scriptedRun(steps: readonly ScriptedStep[]): ScriptedRun {
  let next = 0;
  return {
    run: (argv, input) => {
      const command = argv.join(' ');
      const step = steps[next++];
      if (step === undefined || step.command !== command) {
        throw new Error(
          `Unexpected command "${command}": the script has ${step === undefined ? 'no more steps' : `"${step.command}"`}`,
        );
      }
      if (step.input !== undefined && step.input !== input) {
        throw new Error(`Unexpected input of "${command}":\n${input}`);
      }
      return { status: 0, stdout: '', stderr: '', ...step.result };
    },
    done: () => {
      const left = steps.slice(next).map(({ command }) => command);
      if (left.length > 0) {
        throw new Error(`Not run: ${left.join('; ')}`);
      }
    },
  };
}
