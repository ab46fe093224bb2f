import type { FuzzCase } from './cases.ts';

/** What an invocation came to. */
export interface Reply {
  exitCode: number;
  stdout: string;
}

/** Errors of what the runtime or the administrator wrote: nothing may have been changed by then. */
const REFUSALS = [1, 2, 4, 6, 7, 8];

/** The code of the error if the input was refused. */
export function refusalOf({ exitCode, stdout }: Reply): number | undefined {
  const { code } = exitCode === 0 ? { code: 0 } : (parsed(stdout) as { code: number });
  return REFUSALS.includes(code) ? code : undefined;
}

/** What is wrong with the answer itself; undefined when it is as the SPEC has it. */
export function faultOf({ env }: FuzzCase, { exitCode, stdout }: Reply): string | undefined {
  const answer = parsed(stdout);
  if (exitCode === 0) {
    const silent = env.CNI_COMMAND !== 'ADD' && env.CNI_COMMAND !== 'VERSION';
    if (silent) {
      return stdout === '' ? undefined : `${env.CNI_COMMAND} says ${stdout}`;
    }
    return isObject(answer) && typeof answer.cniVersion === 'string' ? undefined : `success with ${stdout}`;
  }
  if (exitCode !== 1) {
    return `exit ${exitCode} with ${stdout}`;
  }
  if (!isObject(answer)) {
    return `an error without an object: ${stdout}`;
  }
  const { code, msg, details, cniVersion, ...more } = answer;
  const good =
    Number.isInteger(code) &&
    (code as number) > 0 &&
    typeof msg === 'string' &&
    msg !== '' &&
    (details === undefined || typeof details === 'string') &&
    typeof cniVersion === 'string' &&
    Object.keys(more).length === 0;
  return good ? undefined : `an error that is none: ${stdout}`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
