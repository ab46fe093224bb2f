import { IpamError } from './errors.ts';

const BOOLEANS: Readonly<Record<string, boolean>> = { '1': true, true: true, '0': false, false: false };

function malformed(message: string): never {
  throw new IpamError('ARGS', `ARGS: ${message}`);
}

/**
 * Parses CNI_ARGS, `K=V;K2=V2`.
 *
 * @throws {IpamError} `ARGS` for a pair without `=`
 */
export function splitCniArgs(text: string): Record<string, string> {
  const args: Record<string, string> = {};
  if (text === '') {
    return args;
  }
  for (const pair of text.split(';')) {
    const at = pair.indexOf('=');
    if (at < 0 || pair.indexOf('=', at + 1) >= 0) {
      malformed(`invalid pair ${JSON.stringify(pair)}`);
    }
    args[pair.slice(0, at)] = pair.slice(at + 1);
  }
  return args;
}

/**
 * Refuses keys that are not in `known`, unless IgnoreUnknown is 1 or true, as the plugins of
 * containernetworking/plugins do.
 *
 * @throws {IpamError} `ARGS`
 */
export function assertKnownArgs(
  args: Readonly<Record<string, string | undefined>>,
  known: readonly string[],
): void {
  const ignore = args.IgnoreUnknown;
  const lenient = ignore ? BOOLEANS[ignore.toLowerCase()] : false;
  if (lenient === undefined) {
    malformed(
      `error parsing value of pair ${JSON.stringify(`IgnoreUnknown=${ignore}`)}: boolean unmarshal error: invalid input ${ignore}`,
    );
  }
  if (lenient) {
    return;
  }
  const unknown: string[] = [];
  for (const key in args) {
    if (key !== 'IgnoreUnknown' && !known.includes(key)) {
      unknown.push(JSON.stringify(`${key}=${args[key]}`));
    }
  }
  if (unknown.length > 0) {
    malformed(`unknown args [${unknown.join(' ')}]`);
  }
}
