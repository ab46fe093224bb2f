/** Access to the nat table through the iptables programs, without a shell. */

import { CniError, type Env, ErrorCode } from '@cnikit/cni-spec';
import type { Family } from '@cnikit/ip';
import { type RunResult, type Sys, SysError } from '@cnikit/sys';

/** Seconds to wait for the xtables lock. Runtimes give a plugin minutes. */
const LOCK_WAIT = '60';
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const stem = (family: Family): string => (family === 'ipv4' ? 'iptables' : 'ip6tables');

/** Applies lines of iptables-restore to the nat table, all or none. Returns false when a line was refused. */
export function tryRestoreNat(sys: Sys, env: Env, family: Family, lines: readonly string[]): boolean {
  return run(sys, env, restoreCommand(family), payload(lines)).status === 0;
}

/**
 * Applies lines of iptables-restore to the nat table, all or none.
 *
 * @throws {CniError} 5 when the program is not installed; 999 with its message when it refuses a line
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

/**
 * Returns the lines that iptables-save prints for the nat table.
 *
 * @throws {CniError} 5 when the program is not installed; 999 when it fails
 */
export function savedNat(sys: Sys, env: Env, family: Family): string[] {
  const argv = [`${stem(family)}-save`, '-t', 'nat'];
  const { status, stdout, stderr } = run(sys, env, argv);
  if (status !== 0) {
    throw new CniError(ErrorCode.Internal, `${argv[0]} failed: ${stderr.trim()}`);
  }
  return stdout.split('\n');
}

/** Returns true when the iptables programs are installed and can read the nat table. */
export function hasIptables(sys: Sys, env: Env): boolean {
  try {
    savedNat(sys, env, 'ipv4');
    return true;
  } catch (error) {
    if (error instanceof CniError) {
      return false;
    }
    throw error;
  }
}

/** The nat table of legacy iptables, which only the legacy programs can read. */
export interface LegacyNat {
  /** The lines that iptables-save prints. */
  lines: readonly string[];
  restore(lines: readonly string[]): void;
}

/** Reads the nat table of legacy iptables for a family; undefined when no program can. */
export function readLegacyNat(sys: Sys, env: Env, family: Family): LegacyNat | undefined {
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
