/** Keeps the claims across restarts of the agent. The directory is a tmpfs, so they do not survive a reboot, as pods do not. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryName } from '../core/names.ts';
import { type Claim, parseClaim } from './request.ts';

/** File of the state directory with the pods that the plugin reported. */
export const POLICY_PODS_NAME = 'policy-pods.json';
const FORMAT = 1;

/**
 * Returns the saved claims, and none when there is no file.
 *
 * @throws {Error} when the file is unreadable or invalid
 */
export function loadClaims(dir: string): Claim[] {
  const path = join(dir, POLICY_PODS_NAME);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return [];
    }
    throw error;
  }
  try {
    const { format, pods } = JSON.parse(text) as { format?: unknown; pods?: unknown };
    if (format !== FORMAT || !Array.isArray(pods)) {
      throw new Error(`expected format ${FORMAT} with a list of pods`);
    }
    return pods.map(parseClaim);
  } catch (error) {
    throw new Error(`Invalid ${path}: ${(error as Error).message}`);
  }
}

/** Writes the claims atomically. */
export function saveClaims(dir: string, claims: Iterable<Claim>): void {
  const path = join(dir, POLICY_PODS_NAME);
  const temporary = temporaryName(path);
  writeFileSync(temporary, JSON.stringify({ format: FORMAT, pods: [...claims] }), { mode: 0o600 });
  renameSync(temporary, path);
}
