import { parseArgs } from 'node:util';

/** The command line was wrong: the message says how, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The command line, defaults filled in. */
export interface Options {
  command: string;
  operands: string[];
  json: boolean;
  confDir: string;
  path: string[];
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
}

/** Reads the command line. Environment variables are those of cnitool, so that its users need not relearn. */
export function parseOptions(argv: readonly string[], env: NodeJS.ProcessEnv): Options {
  const { values, positionals } = parse(argv);
  const [command = '', ...operands] = positionals;
  const timeout = Number(values.timeout ?? 60);
  if (!(timeout > 0)) {
    throw new UsageError(`--timeout ${values.timeout} is no number of seconds`);
  }
  return {
    command,
    operands,
    json: values.json ?? false,
    confDir: values['conf-dir'] ?? env.NETCONFPATH ?? '/etc/cni/net.d',
    path: (values.path ?? env.CNI_PATH ?? '/opt/cni/bin').split(':').filter((folder) => folder !== ''),
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
      throw new UsageError(`--args: ${JSON.stringify(pair.join('='))} is not KEY=value`);
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
    // Said below.
  }
  throw new UsageError(`--cap-args ${text} is not a JSON object`);
}
