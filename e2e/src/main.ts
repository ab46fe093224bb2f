/**
 * `npm run e2e`: cnikit on a real Kubernetes, the one of `e2e/kubernetes` or, by --kubeconfig, somebody's. Exits 77
 * (skipped) where there is none to run on. `--keep` leaves the cluster up; `down` removes it.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Bed, Scenario } from './bed.ts';
import { findDist, type Kubelab, kubelab } from './kubelab.ts';
import { scenarios } from './scenarios/index.ts';
import { somebodysCluster } from './somebodys-cluster.ts';

const SKIPPED = 77;
const repository = resolve(import.meta.dirname, '../..');
const scripts = join(import.meta.dirname, '../kubernetes');
const state = process.env.CNIKIT_E2E_STATE ?? join(repository, '.cache/e2e');
const archive = join(repository, '.cache/image/agent.tar');

async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      kubeconfig: { type: 'string' },
      'pod-image': { type: 'string', default: 'busybox:1' },
      keep: { type: 'boolean', default: false },
    },
  });
  if (values.kubeconfig !== undefined) {
    const cluster = somebodysCluster(values.kubeconfig, values['pod-image']);
    return await runAll({ cluster, repository, state });
  }
  const lab = kubelab({ scripts, state, dist: findDist(repository, process.env) });
  if (positionals[0] === 'down') {
    lab.down();
    return 0;
  }
  const trouble = cannotRun();
  if (trouble !== undefined) {
    console.log(`e2e: skipped, ${trouble}`);
    return SKIPPED;
  }
  return await runOn(lab, values.keep);
}

function cannotRun(): string | undefined {
  if (process.getuid?.() !== 0) {
    return 'kubelet and containerd need root. Run it as root, or give --kubeconfig FILE.';
  }
  if (!existsSync(archive)) {
    return 'there is no image of the agent: `npm run image` makes it.';
  }
  return undefined;
}

async function runOn(lab: Kubelab, keep: boolean): Promise<number> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      lab.down();
      process.exit(130);
    });
  }
  try {
    await step('a cluster of two nodes comes up (what an earlier run left goes first)', async () => {
      lab.down();
      lab.up();
      return undefined;
    });
    return await runAll({ cluster: lab, repository, imageArchive: archive, state });
  } finally {
    if (keep) {
      console.log(help());
    } else {
      lab.down();
    }
  }
}

async function runAll(bed: Bed): Promise<number> {
  const started = Date.now();
  try {
    for (const scenario of scenarios) {
      await play(scenario, bed);
    }
    console.log(`e2e: passed in ${seconds(started)}`);
    return 0;
  } catch (error) {
    console.error(`e2e: failed: ${error instanceof Error ? error.message : error}`);
    return 1;
  }
}

async function play(scenario: Scenario, bed: Bed): Promise<void> {
  if (scenario.onMachines && bed.cluster.machines === undefined) {
    console.log(`skip           ${scenario.title}`);
  } else {
    await step(scenario.title, () => scenario.run(bed));
  }
}

async function step(title: string, body: () => Promise<string | undefined>): Promise<void> {
  const started = Date.now();
  try {
    const said = await body();
    console.log(`ok    ${seconds(started).padStart(7)}  ${title}${said ? `: ${said}` : ''}`);
  } catch (error) {
    console.log(`FAIL  ${seconds(started).padStart(7)}  ${title}`);
    throw error;
  }
}

function seconds(since: number): string {
  return `${((Date.now() - since) / 1000).toFixed(1)} s`;
}

function help(): string {
  const command = `KUBELAB_BIN=${state}/bin KUBELAB_RUN=${state}/run ${scripts}/cluster.sh`;
  return `The cluster is up. Look around:
  ${command} kubectl get pods -A -o wide
  ${command} exec n1 ip route
Remove it: npm run e2e -- down`;
}

process.exitCode = await main(process.argv.slice(2));
