/** Decides whether this node is ready, once for readiness.json, /readyz, /status and the metric. */
import { existsSync } from 'node:fs';
import { type Problem, problem } from '../core/problem.ts';
import type { Readiness, ReadinessFile, ReadinessPolicy } from './readiness.ts';

export interface ReadinessDeps {
  policy: ReadinessPolicy;
  file: ReadinessFile;
  /** Files without which a runtime takes the node for not ready: the executable and the conflist. */
  needed: readonly string[];
  programmed: () => boolean;
  problems: () => Iterable<Problem>;
  /** Takes the problem of writing the file; empty when it has ended. */
  report: (problems: Problem[]) => void;
  /** Called after the repair of a file that another program had removed or changed. */
  onRepair: (path: string) => void;
  now: () => number;
}

export class ReadinessKeeper {
  readonly #deps: ReadinessDeps;
  #decided: Readiness = { ready: false, reason: 'The data path is not programmed yet' };
  #current: Readiness = this.#decided;

  constructor(deps: ReadinessDeps) {
    this.#deps = deps;
  }

  /** The answer that the plugin's STATUS reads, as of the last check. */
  get current(): Readiness {
    return this.#current;
  }

  /** Decides again and compares the file. Call it after each pass, and after a change beside the file. */
  check(): void {
    const { policy, file, needed, programmed, problems, report, onRepair, now } = this.#deps;
    this.#decided = policy.evaluate(programmed(), problems(), now()) ?? this.#decided;
    const missing = this.#decided.ready ? needed.find((path) => !existsSync(path)) : undefined;
    this.#current =
      missing === undefined ? this.#decided : { ready: false, reason: `${missing} does not exist` };
    try {
      if (file.write(this.#current)) {
        onRepair(file.path);
      }
      report([]);
    } catch (error) {
      const reason = `Cannot write ${file.path}, the readiness file of the plugin: ${(error as Error).message}`;
      report([problem('readiness-file', file.path, reason)]);
      this.#current = { ready: false, reason };
    }
  }
}
