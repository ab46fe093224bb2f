/** Runs a plugin executable with the CNI command VERSION, which needs neither configuration nor network. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type SysError, sys } from '@cnikit/sys';
import type { SpokenVersions } from '../core/model.ts';
import { PLUGIN_NAME } from './cni-names.ts';

const TIMEOUT_MS = 10_000;

export interface VersionRun {
  stdout: string;
  /** Why it failed: another architecture, a truncated file, a directory mounted noexec, … */
  error?: string | undefined;
  timedOut: boolean;
}

/** Runs `path` with CNI_COMMAND=VERSION. */
export function runVersion(path: string): VersionRun {
  try {
    const { status, signal, stdout } = sys.run([path], {
      env: { CNI_COMMAND: 'VERSION' },
      // The specification's input of VERSION.
      input: '{"cniVersion":"1.0.0"}',
      timeoutMs: TIMEOUT_MS,
    });
    const end = signal === 0 ? `status ${status}` : `signal ${signal}`;
    return { stdout, error: status === 0 ? undefined : `it exited with ${end}`, timedOut: false };
  } catch (error) {
    const { message, code } = error as SysError;
    return { stdout: '', error: message, timedOut: code === 'ETIMEDOUT' };
  }
}

/** Returns why an executable does not run on this node; undefined when it does, or when it only timed out. */
export function whyNotRuns(path: string): string | undefined {
  const { error, timedOut } = runVersion(path);
  return timedOut ? undefined : error;
}

/** Returns the CNI versions that a plugin reports, or why it reports none. */
export function versionsOf(path: string): Pick<SpokenVersions, 'versions' | 'error'> {
  const { stdout, error } = runVersion(path);
  if (error !== undefined) {
    return { error };
  }
  try {
    const { supportedVersions } = JSON.parse(stdout) as { supportedVersions: string[] };
    return { versions: supportedVersions.map(String) };
  } catch {
    return { error: 'its output for VERSION is not that of a CNI plugin' };
  }
}

/**
 * Returns a function that asks plugins for their CNI versions. It asks again when the file has changed, or
 * when the plugin gave no answer. A name of `links` without a file will be a link to our executable.
 */
export function versionAsker(
  binDir: string,
  links: readonly string[] = [],
  ask: typeof versionsOf = versionsOf,
): (type: string) => SpokenVersions {
  const known = new Map<string, { identity: string; answer: SpokenVersions }>();
  return (type) => {
    const path = join(binDir, type);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) {
      const own = type === PLUGIN_NAME || links.includes(type);
      return own ? { type } : { type, missing: true, error: `${path} does not exist` };
    }
    const { dev, ino, size, mtimeMs, ctimeMs } = stat;
    const identity = [dev, ino, size, mtimeMs, ctimeMs].join(' ');
    const before = known.get(type);
    if (before?.identity === identity && before.answer.error === undefined) {
      return before.answer;
    }
    const answer = { type, ...ask(path) };
    known.set(type, { identity, answer });
    return answer;
  };
}
