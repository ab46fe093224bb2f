/** `npm run e2e`: runs cnikit on a real Kubernetes; `npm run e2e -- --help` describes it. */
import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Context } from './context.ts';
import { externalCluster } from './external-cluster.ts';
import { findDist, type Kubelab, kubelab, programsFolder, type Release } from './kubelab.ts';
import { HELP, type Options, parseOptions } from './options.ts';
import { runScenarios, seconds } from './run-scenarios.ts';
import { scenarios } from './scenarios/index.ts';
import { rollOut } from './scenarios/install.ts';
import { lastState, recordState, stateFolder } from './state-folder.ts';

const SKIPPED = 77;
const repository = realpathSync(join(import.meta.dirname, '../..'));
const scripts = join(repository, 'e2e/kubernetes');
const archive = join(repository, '.cache/image/agent.tar');

async function main(argv: readonly string[]): Promise<number> {
  let options: Options;
  try {
    options = parseOptions(argv);
  } catch (error) {
    console.error(`e2e: ${messageOf(error)}. Run npm run e2e -- --help for all options.`);
    return 2;
  }
  if (options.command === 'help') {
    console.log(HELP);
    return 0;
  }
  try {
    return await execute(options);
  } catch (error) {
    console.error(`e2e: ${messageOf(error)}`);
    return 1;
  }
}

async function execute(options: Options): Promise<number> {
  const { command, release, proxy, family, kubeconfig } = options;
  if (kubeconfig !== undefined) {
    const cluster = externalCluster(kubeconfig, options.podImage);
    return await runAll({ cluster, repository, layout: options.layout, state: tmpdir() }, options);
  }
  const newState = stateFolder(repository, realpathSync(tmpdir()), process.env);
  if (command === 'down') {
    const state = process.env.CNIKIT_E2E_STATE === undefined ? lastState(repository) : newState;
    kubelab({ scripts, state: state ?? newState, release, proxy, family }).down();
    return 0;
  }
  const dist = findDist(repository, release, process.env);
  const reason = reasonNotToRun(newState, release, dist);
  if (reason !== undefined) {
    console.log(`e2e: skipped, ${reason}`);
    return SKIPPED;
  }
  recordState(repository, newState);
  return await runOn(kubelab({ scripts, state: newState, release, proxy, family, dist }), newState, options);
}

function reasonNotToRun(state: string, release: Release, dist: string | undefined): string | undefined {
  if (process.getuid?.() !== 0) {
    return 'kubelet and containerd need root. Run it as root, or use an existing cluster with --kubeconfig FILE.';
  }
  if (!existsSync(archive)) {
    return 'the image of the agent does not exist. Run `npm run image` first.';
  }
  const compiled = existsSync(join(programsFolder(state, release), 'kube'));
  if (release === 'newest' && dist === undefined && !compiled && !hasGo()) {
    return 'the programs of the cluster have to be compiled, and Go 1.26 or newer is not in PATH. Install Go, or set CNIKIT_KUBELAB_DIST to a folder with the packed programs.';
  }
  return undefined;
}

function hasGo(): boolean {
  const { stdout } = spawnSync('go', ['version'], { encoding: 'utf8' });
  const version = /go1\.(\d+)/.exec(stdout ?? '');
  return version !== null && Number(version[1]) >= 26;
}

async function runOn(lab: Kubelab, state: string, options: Options): Promise<number> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      lab.down();
      process.exit(130);
    });
  }
  const started = Date.now();
  let isUp = false;
  try {
    lab.down();
    lab.up();
    isUp = true;
    const version = `Kubernetes 1.${lab.minor}, kube-proxy in ${lab.proxy} mode, addresses: ${options.family}`;
    console.log(`ok    ${seconds(started).padStart(7)}  a cluster of two nodes is up: ${version}`);
    return await runAll(
      { cluster: lab, repository, imageArchive: archive, layout: options.layout, state },
      options,
    );
  } finally {
    if (isUp && options.keep) {
      console.log(inspection(state));
    } else {
      lab.down();
    }
  }
}

async function runAll(context: Context, options: Options): Promise<number> {
  const started = Date.now();
  const { passed, failed, leftOut, known } = await runScenarios(scenarios, context, options, rollOut);
  const expected = known > 0 ? `, ${known} known to fail` : '';
  console.log(
    `e2e: ${passed} passed, ${failed} failed, ${leftOut} left out${expected} (${seconds(started)})`,
  );
  return failed > 0 ? 1 : 0;
}

function inspection(state: string): string {
  const command = `KUBELAB_RUN=${state}/run ${scripts}/cluster.sh`;
  return `The cluster is still running. Inspect it:
  ${command} kubectl get pods -A -o wide
  ${command} exec n1 ip route
Remove it: npm run e2e -- down`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

process.exitCode = await main(process.argv.slice(2));
