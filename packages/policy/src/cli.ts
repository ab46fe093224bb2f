#!/usr/bin/env node
/** The command `cnikit-policy`. */
import { readFileSync } from 'node:fs';
import { readKubeconfig } from './cli/kubeconfig.ts';
import { type Options, parseOptions, USAGE } from './cli/options.ts';
import { type Cluster, readCluster } from './cluster.ts';
import { loadManifests, parseManifests } from './manifests.ts';
import { answers } from './questions/answers.ts';
import { readLiveCluster } from './questions/live-cluster.ts';
import { QuestionError } from './questions/question.ts';
import { expandManifests } from './workloads.ts';

/** Time limit for the lists of a cluster. */
const TIMEOUT_MS = 60_000;

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  const { command } = options;
  if (!isCommand(command)) {
    throw new QuestionError(command === '' ? 'Expected a command' : `Unknown command ${command}`);
  }
  const { text, json, status } = answers[command](await readInput(options), options);
  console.log(options.json ? JSON.stringify(json) : text);
  return status;
}

const isCommand = (text: string): text is keyof typeof answers => Object.hasOwn(answers, text);

async function readInput({ paths, kubeconfig }: Options): Promise<Cluster> {
  if (kubeconfig !== undefined) {
    if (paths.length > 0) {
      throw new QuestionError('Expected either PATH or --kubeconfig, not both');
    }
    return readLiveCluster(await readKubeconfig(kubeconfig), { timeoutMs: TIMEOUT_MS });
  }
  if (paths.length === 0) {
    throw new QuestionError('Expected PATH or --kubeconfig FILE');
  }
  return paths.length === 1 && paths[0] === '-'
    ? readCluster(expandManifests(parseManifests(readFileSync(0, 'utf8'), 'standard input')))
    : loadManifests(paths);
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error((error as Error).message);
  if (error instanceof QuestionError) {
    console.error('Try: cnikit-policy --help');
  }
  process.exitCode = 2;
}
