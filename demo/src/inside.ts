// The demo itself. main.ts starts it in a sandbox. With --keep it holds the cluster until it is killed.

import { copyFileSync, mkdirSync, writeSync } from 'node:fs';
import { Cluster } from './cluster.ts';
import type { Finding } from './finding.ts';
import { type Session, saveSession } from './session.ts';
import type { Step } from './step.ts';
import { addPods, STEPS } from './steps.ts';
import { bold, dim, explain, green, ProgressLine, print, red } from './terminal.ts';

const [keptLogs = '', keep] = process.argv.slice(2);

const PICTURE = `
    outside ───── router ──────┬────────────┬─ ─ ─ ─ ─ ─┐
  203.0.113.2    10.0.0.1      │            │                10.0.1.1 router ┐
                 Kubernetes  ┌─┴──┐       ┌─┴──┐      ┌─ ┴ ┐               ┌─┴──┐
                 API         │ n1 │       │ n2 │        n4                 │ n3 │  agent and plugin on each
                             └┬──┬┘       └┬──┬┘      └┬ ─ ┬┘              └┬──┬┘
                             a   b        a   b        a   b               a   b   pods, IPv4 and IPv6
`;

print(
  bold('cnikit demo') + dim(': a pod network in the real kernel, in namespaces hidden from this machine'),
);
print(dim(PICTURE));

const start = performance.now();
const failed: string[] = [];
let cluster: Cluster | undefined;
await step({
  title: 'A network, and a Kubernetes API server that enforces the permissions of deploy',
  essential: true,
  run: async () => {
    cluster = await Cluster.create();
    return { passed: true };
  },
});
for (const one of STEPS) {
  if (cluster && !(await step(one)) && one.essential) {
    break;
  }
}
if (keep && cluster && failed.length === 0) {
  await step({ title: 'Pods start again, for inspection', run: async () => ({ passed: !!(await again()) }) });
}
end();

async function step({ title, run }: Step): Promise<boolean> {
  const line = new ProgressLine(title);
  let finding: Finding;
  try {
    finding = await run(cluster as Cluster);
  } catch (error) {
    finding = {
      passed: false,
      draw: () => explain(red(error instanceof Error ? error.message : String(error))),
    };
  }
  line.end(finding.passed, finding.outcome);
  finding.draw?.();
  if (!finding.passed) {
    failed.push(title);
  }
  return finding.passed;
}

function again() {
  return addPods(cluster as Cluster, ['n1', 'n2', 'n3']);
}

function end(): void {
  const total = `${((performance.now() - start) / 1000).toFixed(1)} s`;
  print();
  if (failed.length === 0) {
    print(
      `${green(bold('All steps passed'))}${dim(`, in ${total}.`)}${keep ? '' : dim(' Nothing is left behind.')}`,
    );
    if (!keep) {
      print(dim('To keep the cluster for inspection: npm run demo -- --keep'));
    }
  } else {
    keepLogs();
    print(`${red(bold(`${failed.length} of ${STEPS.length + 1} steps failed`))}${dim(`, in ${total}:`)}`);
    for (const title of failed) {
      print(`  ${red('✗')} ${title}`);
    }
    print(`The logs of the agents are in ${keptLogs}`);
  }
  const status = failed.length === 0 ? 0 : 1;
  if (!keep || !cluster) {
    process.exit(status);
  }
  saveSession(sessionOf(cluster, status));
  writeSync(3, 'kept\n');
}

/** Copies the agents' logs out of the nodes, which end with the demo. */
function keepLogs(): void {
  mkdirSync(keptLogs, { recursive: true });
  for (const [name, { logFile }] of cluster?.agents ?? []) {
    copyFileSync(logFile, `${keptLogs}/agent-${name}.log`);
  }
}

function sessionOf({ nodes, lab, pods }: Cluster, status: number): Session {
  return {
    status,
    namespaces: [
      ...nodes.map(({ name, pid, address }) => ({
        name,
        pid,
        addresses: Object.values(address),
        kind: 'node' as const,
      })),
      {
        name: lab.outside.name,
        pid: lab.outside.pid,
        addresses: Object.values(lab.outside.address),
        kind: 'outside' as const,
      },
      ...pods.map(({ name, node, netns, ips }) => ({
        name,
        pid: node.pid,
        addresses: ips,
        netns,
        kind: 'pod' as const,
      })),
    ],
  };
}
