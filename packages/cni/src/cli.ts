#!/usr/bin/env node
/** The command `cnikit-cni`. */
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

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2), process.env);
  if (options.help || options.command === 'help') {
    console.log(USAGE);
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
    console.log(options.json ? JSON.stringify(json) : text);
    return exitCode;
  } catch (error) {
    if (error instanceof UsageError) {
      throw error;
    }
    report(error, options.json);
    return 1;
  }
}

function report(thrown: unknown, json: boolean): void {
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
    console.log(JSON.stringify(documents.length === 1 ? documents[0] : { errors: documents }));
  }
  for (const one of json ? [] : documents) {
    if (one.stderr.trim() !== '') {
      console.error(one.stderr.trimEnd());
    }
    const who = 'plugin' in one ? `${one.plugin} ${one.command}: ` : '';
    console.error(
      `${who}${one.msg}${one.details === undefined ? '' : ` (${one.details})`}, code ${one.code}`,
    );
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(
    error instanceof UsageError ? `${error.message}\nTry: cnikit-cni --help` : (error as Error).message,
  );
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
