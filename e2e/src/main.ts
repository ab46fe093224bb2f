/**
 * `npm run e2e`: the main job on a real Kubernetes. Exits 77 (skipped) where there is none to run on.
 * `--keep` leaves the cluster up; `down` removes it.
 */
import { resolve } from 'node:path';
import { findKubelab, kubelab } from './kubelab.ts';
import { mainJob } from './scenario.ts';
import { watchJob } from './watch-scenario.ts';

const SKIPPED = 77;
const repository = resolve(import.meta.dirname, '../..');
const state = process.env.CNIKIT_E2E_STATE ?? `${repository}/.cache/e2e`;

async function main(argv: readonly string[]): Promise<number> {
  const folder = findKubelab(repository);
  if (folder === undefined) {
    console.log(`e2e: skipped, there is no Kubernetes to run on.
Set CNIKIT_KUBELAB to a folder with build.sh and cluster.sh that bring up a cluster of namespaces.`);
    return SKIPPED;
  }
  if (process.getuid?.() !== 0) {
    console.log('e2e: skipped, kubelet and containerd need root. Run it as root.');
    return SKIPPED;
  }
  const lab = kubelab(folder, state);
  if (argv.includes('down')) {
    lab.down();
    return 0;
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      lab.down();
      process.exit(130);
    });
  }
  const started = Date.now();
  try {
    await step('a cluster of two nodes comes up (what an earlier run left goes first)', () => {
      lab.down();
      lab.up();
      return undefined;
    });
    await mainJob({ lab, repository, state, step });
    await watchJob({ lab, repository, state, step });
    console.log(`e2e: passed in ${seconds(started)}`);
    return 0;
  } catch (error) {
    console.error(`e2e: failed: ${error instanceof Error ? error.message : error}`);
    return 1;
  } finally {
    if (argv.includes('--keep')) console.log(help(folder));
    else lab.down();
  }
}

async function step(
  title: string,
  body: () => Promise<string | undefined> | string | undefined,
): Promise<void> {
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

function help(folder: string): string {
  const env = `KUBELAB_BIN=${state}/bin KUBELAB_RUN=${state}/run`;
  return `The cluster is up. Look around:
  ${env} ${folder}/cluster.sh kubectl get pods -A -o wide
  ${env} ${folder}/cluster.sh exec n1 ip route
  cat ${state}/run/n1/log/cnikit-agent.log
Remove it: npm run e2e -- down`;
}

process.exitCode = await main(process.argv.slice(2));
