import { execFile } from 'node:child_process';
import type { PluginProgram } from '../leaks/run-plugin.ts';

const TIMEOUT_MS = 60_000;
const MAX_BYTES = 16 * 1024 * 1024;

/** An attachment that `cnikit restore` changed, or failed to. */
export interface RestoreOutcome {
  network: string;
  containerID: string;
  ifName: string;
  /** Parts that were restored, such as `host ports`. */
  restored: string[];
  /** Why a part could not be restored. */
  error?: string;
}

/**
 * Has the plugin restore what another program removed from running pods.
 *
 * @throws {Error} when the plugin does not run, or is a version without the command
 */
export function runRestore(
  { plugin, searchPath = '' }: PluginProgram,
  cacheDir: string,
): Promise<RestoreOutcome[]> {
  const argv = ['restore', '--json', '--cache-dir', cacheDir];
  const options = { env: { PATH: searchPath }, timeout: TIMEOUT_MS, maxBuffer: MAX_BYTES };
  return new Promise((resolve, reject) => {
    execFile(plugin, argv, options, (error, stdout, stderr) => {
      // The status is 1 when some attachments failed.
      if (error !== null && error.code !== 1) {
        reject(new Error(stderr.split('\n')[0] || error.message));
        return;
      }
      try {
        resolve(JSON.parse(stdout) as RestoreOutcome[]);
      } catch {
        reject(new Error(`Unreadable output of ${plugin} restore: ${stdout.slice(0, 200)}`));
      }
    });
  });
}
