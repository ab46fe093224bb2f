import { CniError, ErrorCode } from './error.ts';

const IGNORE_UNKNOWN = 'IgnoreUnknown';

/**
 * Parses CNI_ARGS, `KEY=value;KEY=value`, as the plugins of containernetworking do. Keys are case-sensitive,
 * and the last of two equal keys wins. A segment without exactly one `=` is an error, as is a key that is not
 * in `known`, unless IgnoreUnknown is 1 or true.
 *
 * @param text the variable; may be absent or empty
 * @param known the keys that the plugin supports; without it any key is accepted and malformed segments are
 * skipped
 * @throws {CniError} 4 for invalid CNI_ARGS
 */
export function parseArgs(text: string | undefined, known?: readonly string[]): Record<string, string> {
  const args: Record<string, string> = {};
  if (text === undefined || text === '') {
    return args;
  }
  for (const segment of text.split(';')) {
    const [key, value, ...rest] = segment.split('=') as [string, string?, ...string[]];
    if (value !== undefined && rest.length === 0 && key !== '__proto__') {
      args[key] = value;
    } else if (known) {
      throw invalid(`expected KEY=value, got ${JSON.stringify(segment)}`);
    }
  }
  if (!known) {
    return args;
  }
  const ignoreUnknown = parseBoolean(args[IGNORE_UNKNOWN]);
  const unknown = Object.keys(args).filter((key) => key !== IGNORE_UNKNOWN && !known.includes(key));
  if (unknown.length > 0 && !ignoreUnknown) {
    throw invalid(
      `unknown args [${unknown.map((key) => JSON.stringify(`${key}=${args[key]}`)).join(' ')}]. Set IgnoreUnknown=1 to allow them`,
    );
  }
  return args;
}

function parseBoolean(value: string | undefined): boolean {
  if (value === undefined) {
    return false;
  }
  const lower = value.toLowerCase();
  if (lower === '1' || lower === 'true') {
    return true;
  }
  if (lower === '0' || lower === 'false') {
    return false;
  }
  throw invalid(`${IGNORE_UNKNOWN} must be 1, true, 0 or false, not ${JSON.stringify(value)}`);
}

function invalid(problem: string): CniError {
  return new CniError(ErrorCode.InvalidEnvironmentVariables, `Invalid CNI_ARGS: ${problem}`);
}
