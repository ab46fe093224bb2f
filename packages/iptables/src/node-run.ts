import { spawnSync } from 'node:child_process';
import type { RunResult } from './model.ts';

/** Maximum output of a program, in bytes. Enough for several hundred thousand rules. */
const MAX_OUTPUT = 256 * 1024 * 1024;

/** Runs a program in the network namespace of this process. */
export function nodeRun(argv: readonly string[], input = ''): RunResult {
  const [file = '', ...rest] = argv;
  const child = spawnSync(file, rest, { input, encoding: 'utf8', maxBuffer: MAX_OUTPUT });
  if (child.error !== undefined && (child.error as NodeJS.ErrnoException).code !== 'EPIPE') {
    throw child.error;
  }
  const signal = child.signal === null ? '' : `${file} was killed by ${child.signal}\n`;
  return { status: child.status ?? 128, stdout: child.stdout ?? '', stderr: signal + (child.stderr ?? '') };
}
