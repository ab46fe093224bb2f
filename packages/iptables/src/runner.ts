import type { Family } from '@cnikit/ip';
import { IptablesError } from './errors.ts';
import type { Backend, Run, RunResult } from './model.ts';

/** How long a restore waits for the xtables lock, in seconds. */
export const LOCK_WAIT_SECONDS = 5;

/** RESOURCE_PROBLEM of iptables (xtables.h): the lock is held, or the kernel is busy. */
const RESOURCE_PROBLEM = 4;

/** The programs of one family and backend. */
export interface Programs {
  readonly save: string;
  readonly restore: string;
  readonly main: string;
}

/** Returns the program names; without a backend, those of the system's default variant. */
export function programs(family: Family, backend?: Backend): Programs {
  const stem = `${family === 'ipv4' ? 'iptables' : 'ip6tables'}${backend === undefined ? '' : `-${backend}`}`;
  return { save: `${stem}-save`, restore: `${stem}-restore`, main: stem };
}

/** Runs a program. Status 127 means that it does not exist, also when the runner throws `ENOENT`. */
export function runProgram(run: Run, argv: readonly string[], input?: string): RunResult {
  try {
    return input === undefined ? run(argv) : run(argv, input);
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ENOENT') {
      throw error;
    }
    return { status: 127, stdout: '', stderr: `${argv[0]}: not found` };
  }
}

/** Returns the error for a program that is not installed. */
export function missing(name: string): IptablesError {
  return new IptablesError(
    'MISSING',
    `${name} not found. Install the package iptables (Debian, Ubuntu, Alpine, SUSE) or iptables-nft (Fedora, RHEL), and add /usr/sbin to PATH`,
    { argv: [name], status: 127 },
  );
}

function failure(argv: readonly string[], result: RunResult, input?: string): IptablesError {
  const { status, stderr } = result;
  const name = argv[0] as string;
  const message = stderr
    .split('\n')
    .filter((text) => text.trim() !== '' && !/^(Try `|Error occurred at line)/.test(text))
    .map((text) => text.trim())
    .join(' ');
  if (status === 127) {
    return missing(name);
  }
  const number = failedLine(stderr);
  const line = number === undefined ? undefined : input?.split('\n')[number - 1];
  const details = { argv, status, stderr, line };
  if (/holding the xtables lock|Can't lock/.test(stderr)) {
    return new IptablesError(
      'LOCKED',
      `Another program held the xtables lock for the ${LOCK_WAIT_SECONDS} s that ${name} waited. Find it with fuser /run/xtables.lock`,
      details,
    );
  }
  if (/[Pp]ermission denied|must be root|Operation not permitted/.test(stderr)) {
    return new IptablesError(
      'PERMISSION',
      `${name} needs the capability NET_ADMIN, and the legacy backend a writable /run/xtables.lock: ${message}`,
      details,
    );
  }
  const refused = line === undefined ? '' : ` at "${line}"`;
  const code = input === undefined ? 'SAVE_FAILED' : 'RESTORE_FAILED';
  return new IptablesError(code, `${name} failed with status ${status}${refused}: ${message}`, details);
}

/**
 * Returns the output of iptables-save for one table, or for all.
 *
 * @throws {IptablesError} `MISSING`, `PERMISSION` or `SAVE_FAILED`
 */
export function save(run: Run, names: Programs, table?: string): string {
  const argv = table === undefined ? [names.save] : [names.save, '-t', table];
  const result = runProgram(run, argv);
  if (result.status !== 0) {
    throw failure(argv, result);
  }
  return result.stdout;
}

/**
 * Runs iptables-restore, one transaction per table of the payload.
 *
 * @throws {IptablesError} `LOCKED`, `PERMISSION`, `MISSING` or `RESTORE_FAILED`; the failing table is then
 * unchanged
 */
export function restore(run: Run, names: Programs, payload: string): void {
  const argv = [names.restore, '--noflush', '-w', String(LOCK_WAIT_SECONDS)];
  const result = runProgram(run, argv, payload);
  if (result.status !== 0) {
    throw failure(argv, result, payload);
  }
}

/**
 * Runs an iptables-restore that is expected to fail.
 *
 * @returns the number of the line that failed, from 1, or `undefined` when it failed for another reason
 */
export function tryRestore(run: Run, names: Programs, payload: string): number | undefined {
  const argv = [names.restore, '--noflush', '-w', String(LOCK_WAIT_SECONDS)];
  const { status, stderr } = runProgram(run, argv, payload);
  const line = status === 0 ? undefined : failedLine(stderr);
  return line !== undefined && line >= 2 ? line : undefined;
}

/** Returns the number of the line that iptables-restore names in its error. */
function failedLine(stderr: string): number | undefined {
  const number = /line:? (\d+)/.exec(stderr)?.[1];
  return number === undefined ? undefined : Number(number);
}

/**
 * Returns true for a failure that a new read and plan may resolve: another program wrote at the same time.
 */
export function isContention(error: unknown): boolean {
  if (!(error instanceof IptablesError) || error.code !== 'RESTORE_FAILED') {
    return false;
  }
  // Status 1 means that a line did not apply, for example because another program had deleted the jump.
  return error.status === 1 || error.status === RESOURCE_PROBLEM;
}
