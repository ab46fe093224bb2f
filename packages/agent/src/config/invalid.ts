/** Errors about the value of an option, and numbers. */
import { AgentError } from '../core/error.ts';

export const usage = (message: string): AgentError => new AgentError('USAGE', message);

export const invalid = (name: string, text: string, expected: string): AgentError =>
  usage(`Invalid --${name} ${JSON.stringify(text)}: expected ${expected}`);

/** @throws {AgentError} `USAGE` unless the text is a number of the range */
export function parseNumber(name: string, text: string, min: number, max: number, alternative = ''): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= min && number <= max) {
    return number;
  }
  throw invalid(name, text, `a number from ${min} to ${max}${alternative}`);
}
