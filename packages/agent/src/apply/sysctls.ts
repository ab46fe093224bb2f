/** Reads and writes kernel settings below /proc/sys. */
import { accessSync, constants, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openRtnetlink, setLink } from '@cnikit/netlink';
import type { SysctlAction } from '../core/action.ts';
import type { Sysctl } from '../core/model.ts';

/** Files of settings, by their path below /proc/sys. */
export interface SysctlFiles {
  /** Returns undefined when the setting does not exist. */
  read(key: string): string | undefined;
  writable(key: string): boolean;
  /** @throws {Error} with Node's `code` when the write is refused */
  write(key: string, value: string): void;
}

/** Settings of a link that netlink can write too. */
const LINK_SETTING = /^net\/ipv4\/conf\/([^/]+)\/(rp_filter|forwarding)$/;

/**
 * Opens /proc/sys, or a directory in its place. Where it is read-only, as in an unprivileged container,
 * netlink writes the settings of links: it needs CAP_NET_ADMIN only.
 */
export function procSys(
  root = '/proc/sys',
  setOnLink = root === '/proc/sys' ? setByNetlink : undefined,
): SysctlFiles {
  const onLink = (key: string): [link: string, setting: string] | undefined => {
    const [, link, setting] = LINK_SETTING.exec(key) ?? [];
    const one = link !== undefined && link !== 'all' && link !== 'default';
    return one && setOnLink !== undefined ? [link, setting!] : undefined;
  };
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
        return onLink(key) !== undefined;
      }
    },
    write: (key, value) => {
      try {
        writeFileSync(join(root, key), value);
      } catch (error) {
        const { code = '' } = error as NodeJS.ErrnoException;
        const [link, setting] = onLink(key) ?? [];
        if (link === undefined || !['EACCES', 'EPERM', 'EROFS'].includes(code)) {
          throw error;
        }
        setOnLink!(link, setting as 'rp_filter', Number(value));
      }
    },
  };
}

function setByNetlink(name: string, setting: 'rp_filter' | 'forwarding', value: number): void {
  using rt = openRtnetlink();
  rt.request(
    setLink({ name, ipv4Conf: setting === 'rp_filter' ? { rpFilter: value } : { forwarding: value } }),
  );
}

/**
 * Returns the effective values. A setting that does not exist here (no IPv6, no br_netfilter, a deleted
 * interface) is absent.
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
 * Returns the settings that are left to the plugin, which runs on the host: those that this process cannot
 * write, as in an unprivileged container. A setting with `onlyIf` counts if it has that value now or had it
 * before.
 *
 * `installed` is the text of a conflist. Settings that it leaves to the plugin count too, writable or not.
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

/** Writes the settings. Returns the reason for each refused write, by key. */
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
