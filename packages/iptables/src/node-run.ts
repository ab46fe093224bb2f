import { spawnSync } from 'node:child_process';
import process from 'node:process';
import type { RunResult } from './model.ts';

/** Room for what iptables-save prints on a node with some hundred thousand rules, in bytes. */
const MAX_OUTPUT = 256 * 1024 * 1024;

/** Runs a program under Node, in the network namespace of this process. */
export function nodeRun(argv: readonly string[], input = ''): RunResult {
  const [file = '', ...rest] = argv;
  const child = spawnSync(file, rest, { input, encoding: 'utf8', maxBuffer: MAX_OUTPUT });
  if (child.error !== undefined && (child.error as NodeJS.ErrnoException).code !== 'EPIPE') {
    throw child.error;
  }
  const signal = child.signal === null ? '' : `${file} was ended by ${child.signal}\n`;
  return { status: child.status ?? 128, stdout: child.stdout ?? '', stderr: signal + (child.stderr ?? '') };
}

/** The environment of this process. */
export function nodeEnvironment(): Readonly<Record<string, string | undefined>> {
  return process.env;
}
