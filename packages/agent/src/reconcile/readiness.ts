/** Reports to the plugin's STATUS, and so to a container runtime, whether new pods would have a network. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { READINESS_NAME } from '../core/names.ts';
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
      const waiting = reason ?? all.find(({ kind }) => kind === 'own-node')?.message;
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

/** Writes the file atomically, and only if its content changes. */
export class ReadinessFile {
  readonly #path: string;
  readonly #dir: string;
  #text: string | undefined;

  constructor(dir: string) {
    this.#dir = dir;
    this.#path = join(dir, READINESS_NAME);
  }

  write(readiness: Readiness): void {
    const text = `${JSON.stringify(readiness)}\n`;
    this.#text ??= this.#read();
    if (text === this.#text) {
      return;
    }
    mkdirSync(this.#dir, { recursive: true });
    writeFileSync(`${this.#path}.tmp`, text, { mode: 0o644 });
    renameSync(`${this.#path}.tmp`, this.#path);
    this.#text = text;
  }

  remove(): void {
    rmSync(this.#path, { force: true });
  }

  #read(): string | undefined {
    try {
      return readFileSync(this.#path, 'utf8');
    } catch {
      return undefined;
    }
  }
}
