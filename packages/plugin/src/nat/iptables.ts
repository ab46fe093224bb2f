/** The nat table of iptables, by its programs: no shell, one run for a family. */

import { CniError, type Env, ErrorCode } from '@cnikit/cni-spec';
import type { Family } from '@cnikit/ip';
import { type RunResult, type Sys, SysError } from '@cnikit/sys';

/** Seconds to wait for the lock that all of its programs share. A runtime gives a plugin minutes. */
const LOCK_WAIT = '60';
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const stem = (family: Family): string => (family === 'ipv4' ? 'iptables' : 'ip6tables');

/** A word of a rule that may have blanks and quotes in it, as iptables-restore reads it. */
export function quoted(word: string): string {
  return `"${word.replaceAll(/["\\]/g, '\\$&')}"`;
}

/** Lines of iptables-restore for the nat table, done all or none. False when one of them did not fit. */
export function tryRestoreNat(sys: Sys, env: Env, family: Family, lines: readonly string[]): boolean {
  return run(sys, env, restoreCommand(family), payload(lines)).status === 0;
}

/**
 * Lines of iptables-restore for the nat table, done all or none.
 *
 * @throws CniError 5 when there is no such program, 999 with its words when it refuses a line
 */
export function restoreNat(sys: Sys, env: Env, family: Family, lines: readonly string[]): void {
  restoreBy(sys, env, restoreCommand(family), lines);
}

function restoreBy(sys: Sys, env: Env, argv: string[], lines: readonly string[]): void {
  const { status, stderr } = run(sys, env, argv, payload(lines));
  if (status === 0) {
    return;
  }
  const line = /line:? (\d+)/.exec(stderr)?.[1];
  const refused = line === undefined ? '' : ` at "${payload(lines).split('\n')[Number(line) - 1]}"`;
  const words = stderr.split('\n').filter((text) => text !== '' && !text.startsWith('Try `'));
  throw new CniError(ErrorCode.Internal, `${argv[0]} failed${refused}: ${words.join(' ')}`);
}

const restoreCommand = (family: Family, variant = ''): string[] => [
  `${stem(family)}${variant}-restore`,
  '--noflush',
  '-w',
  LOCK_WAIT,
];

const payload = (lines: readonly string[]): string => ['*nat', ...lines, 'COMMIT', ''].join('\n');

function run(sys: Sys, env: Env, argv: string[], input = ''): RunResult {
  try {
    return sys.run(argv, { env: { PATH: env.PATH || DEFAULT_PATH }, input });
  } catch (error) {
    if (!(error instanceof SysError) || error.code !== 'ENOENT') {
      throw error;
    }
    throw new CniError(
      ErrorCode.IOFailure,
      `${argv[0]} is not on PATH`,
      'Install iptables, or let the configuration name the backend nftables',
      { cause: error },
    );
  }
}

/** The lines of the nat table as iptables-save prints them. Throws CniError 5, and 999 when it fails. */
export function savedNat(sys: Sys, env: Env, family: Family): string[] {
  const argv = [`${stem(family)}-save`, '-t', 'nat'];
  const { status, stdout, stderr } = run(sys, env, argv);
  if (status !== 0) {
    throw new CniError(ErrorCode.Internal, `${argv[0]} failed: ${stderr.trim()}`);
  }
  return stdout.split('\n');
}

/** The nat table of the kernel's older interface, which only programs of its own can read: where it is in use. */
export interface LegacyNat {
  /** Lines as iptables-save prints them. */
  lines: readonly string[];
  restore(lines: readonly string[]): void;
}

/** Reads the older interface's nat table of a family; undefined when nobody has used it, as on most nodes of today. */
export function legacyNat(sys: Sys, env: Env, family: Family): LegacyNat | undefined {
  if (!legacyTables(sys, family).includes('nat')) {
    return undefined;
  }
  for (const variant of ['-legacy', '']) {
    try {
      const { status, stdout } = run(sys, env, [`${stem(family)}${variant}-save`, '-t', 'nat']);
      if (status !== 0) {
        continue;
      }
      return {
        lines: stdout.split('\n'),
        restore: (lines) => restoreBy(sys, env, restoreCommand(family, variant), lines),
      };
    } catch (error) {
      if (!(error instanceof CniError)) {
        throw error;
      }
    }
  }
  return undefined;
}

function legacyTables(sys: Sys, family: Family): string[] {
  try {
    return sys.readText(`/proc/net/${family === 'ipv4' ? 'ip' : 'ip6'}_tables_names`).split('\n');
  } catch (error) {
    // Not there: the kernel's module is not loaded. Not ours to read: then neither are its rules to change.
    if (error instanceof SysError && ['ENOENT', 'EACCES', 'EPERM'].includes(error.code)) {
      return [];
    }
    throw error;
  }
}
