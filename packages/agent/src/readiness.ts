/** The file by which the plugin's STATUS, and so a container runtime, learns whether new pods would have a network. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { READINESS_NAME } from './desired/conflist.ts';
import type { Problem } from './model.ts';

export interface Readiness {
  ready: boolean;
  /** Why not. */
  reason?: string;
}

/** Keys of the problems with which a new pod would be cut off; all others concern single nodes, or are none of a pod's. */
const FATAL = new Set(['kernel', 'rules', 'selftest']);

export function readinessOf(programmed: boolean, problems: Iterable<Problem>): Readiness {
  const all = [...problems];
  const reason = all.find(({ key }) => FATAL.has(key))?.message;
  if (!programmed)
    return {
      ready: false,
      reason:
        reason ?? all.find(({ key }) => key === 'own node')?.message ?? 'The data path is not programmed yet',
    };
  return reason === undefined ? { ready: true } : { ready: false, reason };
}

/** Writes the file whenever it would say something else; it appears whole or not at all. */
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
    if (text === this.#text) return;
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
