/** Whether the plugin's executable runs on this node. */
import { spawnSync } from 'node:child_process';

const PATIENCE_MS = 10_000;

/**
 * Why it does not: another architecture, half a file, a directory mounted noexec, … Undefined when it does, or when it
 * only took too long to say.
 */
export function whyNotRuns(path: string): string | undefined {
  const { status, signal, error } = spawnSync(path, [], {
    env: { CNI_COMMAND: 'VERSION' },
    timeout: PATIENCE_MS,
  });
  if (status === 0 || (error as NodeJS.ErrnoException | undefined)?.code === 'ETIMEDOUT') {
    return undefined;
  }
  return error?.message ?? (signal === null ? `status ${status}` : `ended by ${signal}`);
}
