import { parseArgs } from 'node:util';

/** Reports an invalid command line; the command exits with status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Parsed command line with defaults. */
export interface Options {
  command: string;
  operands: string[];
  json: boolean;
  confDir: string;
  path: string[];
  env: NodeJS.ProcessEnv;
  cacheDir: string;
  containerID: string | undefined;
  ifName: string;
  args: Record<string, string>;
  capabilityArgs: Record<string, unknown>;
  timeoutMs: number;
  none: boolean;
  conf: string | undefined;
  only: string[] | undefined;
  junit: string | undefined;
  help: boolean;
  version: boolean;
}

/**
 * Parses the command line. The environment variables are those of cnitool.
 *
 * @throws {UsageError} when an option is unknown or its value is invalid
 */
export function parseOptions(argv: readonly string[], env: NodeJS.ProcessEnv): Options {
  const { values, positionals } = parse(argv);
  const [command = '', ...operands] = positionals;
  const timeout = Number(values.timeout ?? 60);
  if (!(timeout > 0)) {
    throw new UsageError(`Invalid --timeout ${JSON.stringify(values.timeout)}: expected seconds`);
  }
  return {
    command,
    operands,
    json: values.json ?? false,
    confDir: values['conf-dir'] ?? env.NETCONFPATH ?? '/etc/cni/net.d',
    path: (values.path ?? env.CNI_PATH ?? '/opt/cni/bin').split(':').filter((dir) => dir !== ''),
    env,
    cacheDir: values['cache-dir'] ?? '/var/lib/cni',
    containerID: values['container-id'],
    ifName: values.ifname ?? env.CNI_IFNAME ?? 'eth0',
    args: parsePairs(values.args ?? env.CNI_ARGS ?? ''),
    capabilityArgs: parseObject(values['cap-args'] ?? env.CAP_ARGS ?? '{}'),
    timeoutMs: timeout * 1000,
    none: values.none ?? false,
    conf: values.conf,
    only: values.only?.split(','),
    junit: values.junit,
    help: values.help ?? false,
    version: values.version ?? false,
  };
}

function parse(argv: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        json: flag,
        none: flag,
        help: { ...flag, short: 'h' },
        version: flag,
        'conf-dir': text,
        path: text,
        'cache-dir': text,
        'container-id': text,
        ifname: text,
        args: text,
        'cap-args': text,
        timeout: text,
        conf: text,
        only: text,
        junit: text,
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function parsePairs(text: string): Record<string, string> {
  const pairs = text
    .split(';')
    .filter((pair) => pair !== '')
    .map((pair) => pair.split('='));
  for (const pair of pairs) {
    if (pair.length !== 2) {
      throw new UsageError(`Invalid --args: ${JSON.stringify(pair.join('='))} is not KEY=value`);
    }
  }
  return Object.fromEntries(pairs);
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value;
    }
  } catch {
    // Reported below.
  }
  throw new UsageError(`Invalid --cap-args ${text}: expected a JSON object`);
}
