/** Kernel settings below /proc/sys. */
import { accessSync, constants, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SysctlAction } from '../core/action.ts';
import type { Sysctl } from '../core/model.ts';

/** Where settings are kept, by their path below /proc/sys. */
export interface SysctlFiles {
  /** Undefined when there is none of that name. */
  read(key: string): string | undefined;
  writable(key: string): boolean;
  /** Throws, with Node's `code`, when it is refused. */
  write(key: string, value: string): void;
}

/** /proc/sys, or a directory in its place. */
export function procSys(root = '/proc/sys'): SysctlFiles {
  return {
    read: (key) => {
      try {
        return readFileSync(join(root, key), 'utf8').trim();
      } catch {
        return undefined;
      }
    },
    writable: (key) => {
      try {
        accessSync(join(root, key), constants.W_OK);
        return true;
      } catch {
        return false;
      }
    },
    write: (key, value) => writeFileSync(join(root, key), value),
  };
}

/**
 * The values that hold now; a key that does not exist here (no IPv6, no br_netfilter, an interface that went) is left
 * out.
 */
export function readSysctls(desired: readonly Sysctl[], files = procSys()): Map<string, string> {
  const values = new Map<string, string>();
  for (const { key, effectiveMaxOf } of desired) {
    const own = files.read(key);
    const other = effectiveMaxOf === undefined ? undefined : files.read(effectiveMaxOf);
    if (own !== undefined) {
      values.set(key, Number(other) > Number(own) ? other! : own);
    }
  }
  return values;
}

/**
 * Those of `desired` that this process may not write, as in a container without privileges: left to the plugin, which
 * runs on the host. A setting with `onlyIf` is among them if it has that value now, or had it before.
 *
 * `installed` is the text of a conflist. Settings that it leaves to the plugin are among them, writable or not.
 */
export function unwritableSysctls(
  desired: readonly Sysctl[],
  current: ReadonlyMap<string, string>,
  files = procSys(),
  installed?: string,
): Record<string, string> {
  const noted = notedIn(installed);
  const left: Record<string, string> = {};
  for (const { key, value, onlyIf, transient } of desired) {
    const now = transient ? undefined : current.get(key);
    const due = now !== undefined && (onlyIf === undefined || now === onlyIf || now === value);
    if (noted[key] === value || (due && !files.writable(key))) {
      left[key] = value;
    }
  }
  return left;
}

function notedIn(conflist: string | undefined): Record<string, unknown> {
  try {
    const { plugins } = JSON.parse(conflist ?? '') as { plugins: Array<{ hostSysctls?: object }> };
    return { ...plugins[0]?.hostSysctls };
  } catch {
    return {};
  }
}

/** Writes each; of those that are refused, the reason. */
export function writeSysctls(actions: readonly SysctlAction[], files = procSys()): Map<string, string> {
  const refused = new Map<string, string>();
  for (const { key, to } of actions) {
    try {
      files.write(key, to);
    } catch (error) {
      refused.set(key, (error as NodeJS.ErrnoException).code ?? (error as Error).message);
    }
  }
  return refused;
}
