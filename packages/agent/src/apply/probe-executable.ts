/** Runs a plugin executable with the CNI command VERSION, which needs neither configuration nor network. */
import { spawnSync } from 'node:child_process';

const TIMEOUT_MS = 10_000;

export interface VersionRun {
  stdout: string;
  /** Why it failed: another architecture, a truncated file, a directory mounted noexec, … */
  error?: string | undefined;
  timedOut: boolean;
}

/** Runs `path` with CNI_COMMAND=VERSION. */
export function runVersion(path: string): VersionRun {
  const { status, signal, stdout, error } = spawnSync(path, [], {
    env: { CNI_COMMAND: 'VERSION' },
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
  });
  const failed = error !== undefined || status !== 0;
  return {
    stdout: stdout ?? '',
    error: failed ? (error?.message ?? `it exited with ${signal ?? `status ${status}`}`) : undefined,
    timedOut: (error as NodeJS.ErrnoException | undefined)?.code === 'ETIMEDOUT',
  };
}

/** Returns why an executable does not run on this node; undefined when it does, or when it only timed out. */
export function whyNotRuns(path: string): string | undefined {
  const { error, timedOut } = runVersion(path);
  return timedOut ? undefined : error;
}
