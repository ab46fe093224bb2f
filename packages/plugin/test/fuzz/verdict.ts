import { checkedResult } from '../canonical.ts';
import type { FuzzCase } from './cases.ts';

/** Result of an invocation. */
export interface Reply {
  exitCode: number;
  stdout: string;
}

/** Error codes for invalid input, which must be reported before any change. */
const REFUSALS = [1, 2, 4, 6, 7, 8];

/** Returns the error code when the input was rejected. */
export function refusalOf({ exitCode, stdout }: Reply): number | undefined {
  const { code } = exitCode === 0 ? { code: 0 } : (parsed(stdout) as { code: number });
  return REFUSALS.includes(code) ? code : undefined;
}

/** Returns what is wrong with the reply itself, or undefined when it conforms to the SPEC. */
export function faultOf({ env }: FuzzCase, { exitCode, stdout }: Reply): string | undefined {
  const answer = parsed(stdout);
  if (exitCode === 0) {
    const silent = env.CNI_COMMAND !== 'ADD' && env.CNI_COMMAND !== 'VERSION';
    if (silent) {
      return stdout === '' ? undefined : `${env.CNI_COMMAND} printed ${stdout}`;
    }
    const isValid =
      isObject(answer) &&
      typeof answer.cniVersion === 'string' &&
      (env.CNI_COMMAND === 'VERSION' || stdout === checkedResult(stdout));
    return isValid ? undefined : `success with ${stdout}`;
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
  return good ? undefined : `an invalid error: ${stdout}`;
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
