import type { Family } from '@cnikit/ip';
import { IptablesError } from './errors.ts';
import type { Backend, Run, RunResult } from './model.ts';

/** Seconds a restore waits for the xtables lock before it gives up. */
export const LOCK_WAIT_SECONDS = 5;

/** EX_RESOURCE_PROBLEM of iptables (xshared.h): the lock, or the kernel was busy. */
const RESOURCE_PROBLEM = 4;

/** The programs of one family and backend. */
export interface Programs {
  readonly save: string;
  readonly restore: string;
  readonly main: string;
}

/** Names of the programs; without a backend, the ones that the system's alternatives point to. */
export function programs(family: Family, backend?: Backend): Programs {
  const stem = `${family === 'ipv4' ? 'iptables' : 'ip6tables'}${backend === undefined ? '' : `-${backend}`}`;
  return { save: `${stem}-save`, restore: `${stem}-restore`, main: stem };
}

/** Runs a program; status 127 when there is none of that name, whichever way the runner tells it. */
export function attempt(run: Run, argv: readonly string[], input?: string): RunResult {
  try {
    return input === undefined ? run(argv) : run(argv, input);
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ENOENT') {
      throw error;
    }
    return { status: 127, stdout: '', stderr: `${argv[0]}: not found` };
  }
}

/** The error for programs that are not installed. */
export function missing(name: string): IptablesError {
  return new IptablesError(
    'MISSING',
    `${name} was not found; install the package iptables (Debian, Ubuntu, Alpine, SUSE) or iptables-nft (Fedora, RHEL), and see that PATH holds /usr/sbin`,
    { argv: [name], status: 127 },
  );
}

function failure(argv: readonly string[], result: RunResult, input?: string): IptablesError {
  const { status, stderr } = result;
  const name = argv[0] as string;
  const words = stderr
    .split('\n')
    .filter((text) => text.trim() !== '' && !/^(Try `|Error occurred at line)/.test(text))
    .map((text) => text.trim())
    .join(' ');
  if (status === 127) {
    return missing(name);
  }
  const number = /line:? (\d+)/.exec(stderr)?.[1];
  const line = number === undefined ? undefined : input?.split('\n')[Number(number) - 1];
  const details = { argv, status, stderr, ...(line === undefined ? {} : { line }) };
  if (/holding the xtables lock|Can't lock/.test(stderr)) {
    return new IptablesError(
      'LOCKED',
      `Another program held the xtables lock for all of the ${LOCK_WAIT_SECONDS} s that ${name} waited`,
      details,
    );
  }
  if (/[Pp]ermission denied|must be root|Operation not permitted/.test(stderr)) {
    return new IptablesError(
      'PERMISSION',
      `${name} needs the capability NET_ADMIN, and legacy a writable /run/xtables.lock: ${words}`,
      details,
    );
  }
  const refused = line === undefined ? '' : ` at "${line}"`;
  const code = input === undefined ? 'SAVE_FAILED' : 'RESTORE_FAILED';
  return new IptablesError(code, `${name} failed with status ${status}${refused}: ${words}`, details);
}

/** What iptables-save prints; of one table, or of all. Throws `MISSING`, `PERMISSION`, `SAVE_FAILED`. */
export function save(run: Run, names: Programs, table?: string): string {
  const argv = table === undefined ? [names.save] : [names.save, '-t', table];
  const result = attempt(run, argv);
  if (result.status !== 0) {
    throw failure(argv, result);
  }
  return result.stdout;
}

/**
 * One transaction per table of the payload. Throws `LOCKED`, `PERMISSION`, `MISSING`, `RESTORE_FAILED`, in
 * which case the table at fault is as it was.
 */
export function restore(run: Run, names: Programs, payload: string): void {
  const argv = [names.restore, '--noflush', '-w', String(LOCK_WAIT_SECONDS)];
  const result = attempt(run, argv, payload);
  if (result.status !== 0) {
    throw failure(argv, result, payload);
  }
}

/** True when the failure may be gone after reading the rules anew: another program was writing as well. */
export function isContention(error: unknown): boolean {
  if (!(error instanceof IptablesError) || error.code !== 'RESTORE_FAILED') {
    return false;
  }
  // Status 1 is a line that did not fit the rules as they were, such as a jump that someone else deleted.
  return error.status === 1 || error.status === RESOURCE_PROBLEM;
}
