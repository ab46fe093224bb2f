import { toCniError } from '@cnikit/cni-spec';
import { PluginError } from '@cnikit/cni-spec/runtime';
import { conformance } from './commands/conformance.ts';
import { network, type Output } from './commands/network.ts';
import { version } from './commands/version.ts';
import { type Options, parseOptions, UsageError } from './options.ts';
import { USAGE } from './usage.ts';

const COMMANDS: Readonly<Record<string, (options: Options) => Promise<Output>>> = {
  add: network,
  check: network,
  del: network,
  status: network,
  gc: network,
  // Loaded only when needed: it imports the settings of all plugins.
  explain: async (options) => (await import('./commands/explain.ts')).explain(options),
  version,
};

/** Environment variables, standard output, standard error and version of the command. */
export interface Surroundings {
  env: NodeJS.ProcessEnv;
  out: (line: string) => void;
  err: (line: string) => void;
  version: string;
}

/** Runs `cnikit-cni` with the arguments. Returns its exit status. */
export async function run(argv: readonly string[], surroundings: Surroundings): Promise<number> {
  try {
    return await runCommand(argv, surroundings);
  } catch (error) {
    const isUsage = error instanceof UsageError;
    surroundings.err((error as Error).message);
    if (isUsage) {
      surroundings.err('Try: cnikit-cni --help');
    }
    return isUsage ? 2 : 1;
  }
}

async function runCommand(argv: readonly string[], surroundings: Surroundings): Promise<number> {
  const { env, out, err } = surroundings;
  const options = parseOptions(argv, env);
  if (options.version) {
    out(surroundings.version);
    return 0;
  }
  if (options.help || options.command === 'help') {
    out(USAGE);
    return 0;
  }
  if (options.command === 'conformance') {
    return conformance(options);
  }
  const command = Object.hasOwn(COMMANDS, options.command) ? COMMANDS[options.command] : undefined;
  if (!command) {
    throw new UsageError(
      options.command === '' ? 'Expected a command' : `Unknown command ${options.command}`,
    );
  }
  try {
    const { text, json, exitCode = 0 } = await command(options);
    out(options.json ? JSON.stringify(json) : text);
    return exitCode;
  } catch (error) {
    if (error instanceof UsageError) {
      throw error;
    }
    report(error, options.json, { out, err });
    return 1;
  }
}

function report(thrown: unknown, json: boolean, { out, err }: Pick<Surroundings, 'out' | 'err'>): void {
  const errors = thrown instanceof AggregateError ? thrown.errors : [thrown];
  const documents = errors.map((error) => {
    const { code, message, details } = toCniError(error);
    const about = error instanceof PluginError ? { plugin: error.plugin, command: error.command } : {};
    return {
      ...about,
      code,
      msg: message,
      ...(details === '' ? {} : { details }),
      stderr: error instanceof PluginError ? error.stderr : '',
    };
  });
  if (json) {
    out(JSON.stringify(documents.length === 1 ? documents[0] : { errors: documents }));
  }
  for (const one of json ? [] : documents) {
    if (one.stderr.trim() !== '') {
      err(one.stderr.trimEnd());
    }
    const who = 'plugin' in one ? `${one.plugin} ${one.command}: ` : '';
    err(`${who}${one.msg}${one.details === undefined ? '' : ` (${one.details})`}, code ${one.code}`);
  }
}
