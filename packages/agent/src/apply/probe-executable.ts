/** Runs a plugin executable with the CNI command VERSION, which needs neither configuration nor network. */
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
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
  const run = spawnSync(path, [], {
    env: { CNI_COMMAND: 'VERSION' },
    // The specification's input of VERSION.
    input: '{"cniVersion":"1.0.0"}',
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
  });
  const { status, signal, stdout } = run;
  // EPIPE: the plugin does not read its input.
  const error = (run.error as NodeJS.ErrnoException | undefined)?.code === 'EPIPE' ? undefined : run.error;
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
