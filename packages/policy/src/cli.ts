#!/usr/bin/env node
/** The command `cnikit-policy`. */
import { readFileSync } from 'node:fs';
import { COMMANDS } from './cli/commands.ts';
import { readLiveCluster } from './cli/live.ts';
import { type Options, parseOptions, USAGE, UsageError } from './cli/options.ts';
import { type Cluster, readCluster } from './cluster.ts';
import { loadManifests, parseManifests } from './manifests.ts';
import { expandManifests } from './workloads.ts';

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  const command = Object.hasOwn(COMMANDS, options.command) ? COMMANDS[options.command] : undefined;
  if (!command) {
    throw new UsageError(
      options.command === '' ? 'Expected a command' : `Unknown command ${options.command}`,
    );
  }
  const { text, json, status = 0 } = command(await readInput(options), options);
  console.log(options.json ? JSON.stringify(json) : text);
  return status;
}

async function readInput({ paths, kubeconfig }: Options): Promise<Cluster> {
  if (kubeconfig !== undefined) {
    if (paths.length > 0) {
      throw new UsageError('Expected either PATH or --kubeconfig, not both');
    }
    return readLiveCluster(kubeconfig);
  }
  if (paths.length === 0) {
    throw new UsageError('Expected PATH or --kubeconfig FILE');
  }
  return paths.length === 1 && paths[0] === '-'
    ? readCluster(expandManifests(parseManifests(readFileSync(0, 'utf8'), 'standard input')))
    : loadManifests(paths);
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error((error as Error).message);
  if (error instanceof UsageError) {
    console.error('Try: cnikit-policy --help');
  }
  process.exitCode = 2;
}
