/** Kernel settings below /proc/sys. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SysctlAction } from '../diff.ts';
import type { Problem, Sysctl } from '../model.ts';

/** The present values; a key that does not exist here (no IPv6, an interface that went) is left out. */
export function readSysctls(desired: readonly Sysctl[], root = '/proc/sys'): Map<string, string> {
  const values = new Map<string, string>();
  for (const { key } of desired) {
    try {
      values.set(key, readFileSync(join(root, key), 'utf8').trim());
    } catch {
      // Absent means: nothing to set here.
    }
  }
  return values;
}

/** Writes each; what may not be written, as in a container without privileges, is returned as a problem. */
export function writeSysctls(actions: readonly SysctlAction[], root = '/proc/sys'): Problem[] {
  const problems: Problem[] = [];
  for (const { key, to, from, why } of actions) {
    try {
      writeFileSync(join(root, key), to);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      problems.push({
        key: `sysctl ${key}`,
        message: `Sysctl ${key} is ${from} and could not be set to ${to} (${code}): ${why}. The plugin sets it when it makes a pod; to set it now run \`sysctl -w ${key.replaceAll('/', '.')}=${to}\` on the host`,
      });
    }
  }
  return problems;
}
