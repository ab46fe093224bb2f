import type { Run, RunResult } from '../model.ts';

/** A command that is expected, and what it answers. */
export interface ScriptedStep {
  /** argv joined with blanks. */
  readonly command: string;
  /** What its standard input has to be; anything when left out. */
  readonly input?: string;
  readonly result?: Partial<RunResult>;
}

/** A runner that knows beforehand what will be run. */
export interface ScriptedRun {
  readonly run: Run;
  /** Throws when expected commands were not run. */
  done(): void;
}

/** A runner that answers by a script, in order, and throws at anything that is not in it. */
export function scriptedRun(steps: readonly ScriptedStep[]): ScriptedRun {
  let next = 0;
  return {
    run: (argv, input) => {
      const command = argv.join(' ');
      const step = steps[next++];
      if (step === undefined || step.command !== command) {
        throw new Error(
          `Ran "${command}" where the script has ${step === undefined ? 'nothing' : `"${step.command}"`}`,
        );
      }
      if (step.input !== undefined && step.input !== input) {
        throw new Error(`The input of "${command}" differs from the script:\n${input}`);
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
