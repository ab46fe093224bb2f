/** Reports to the plugin's STATUS, and so to a container runtime, whether new pods would have a network. */
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { READINESS_NAME, temporaryName } from '../core/names.ts';
import { type Problem, problemKinds } from '../core/problem.ts';

export interface Readiness {
  ready: boolean;
  /** Why the node is not ready. */
  reason?: string;
}

/**
 * How long a fatal problem must last. A node that stops being ready loses the traffic of Services, so short
 * problems, such as a held lock, must not cause that.
 */
const LASTING_MS = 30_000;

export class ReadinessPolicy {
  #since: number | undefined;

  /** Evaluates the problems of a pass, `now` in ms. Returns undefined if the last result still holds. */
  evaluate(programmed: boolean, problems: Iterable<Problem>, now: number): Readiness | undefined {
    const all = [...problems];
    const reason = all.find(({ kind }) => problemKinds[kind].fatal)?.message;
    if (!programmed) {
      const waiting = reason ?? all.find(({ kind }) => kind === 'own-node' || kind === 'policy-api')?.message;
      return { ready: false, reason: waiting ?? 'The data path is not programmed yet' };
    }
    if (reason === undefined) {
      this.#since = undefined;
      return { ready: true };
    }
    this.#since ??= now;
    return now - this.#since < LASTING_MS ? undefined : { ready: false, reason };
  }
}

/** Writes the file atomically, and only if its content differs. */
export class ReadinessFile {
  readonly path: string;
  readonly #dir: string;
  /** The text that this process found or wrote last. */
  #text: string | undefined;

  constructor(dir: string) {
    this.#dir = dir;
    this.path = join(dir, READINESS_NAME);
  }

  /**
   * Returns true when another program had removed or changed the file.
   *
   * @throws {Error} when the file cannot be written
   */
  write(readiness: Readiness): boolean {
    const text = `${JSON.stringify(readiness)}\n`;
    const present = this.#read();
    const repair = this.#text !== undefined && present !== this.#text;
    if (text !== present) {
      mkdirSync(this.#dir, { recursive: true });
      const temporary = temporaryName(this.path);
      writeFileSync(temporary, text, { mode: 0o644 });
      renameSync(temporary, this.path);
    }
    this.#text = text;
    return repair;
  }

  /** Removes the file, and the temporary one of an agent that was killed. */
  remove(): void {
    rmSync(this.path, { force: true });
    rmSync(temporaryName(this.path), { force: true });
  }

  /** Returns undefined for a file that does not exist or that the plugin cannot read. */
  #read(): string | undefined {
    try {
      return (statSync(this.path).mode & 0o444) === 0 ? undefined : readFileSync(this.path, 'utf8');
    } catch {
      return undefined;
    }
  }
}
