/**
 * `npm run bench -- cluster [--rounds=3] [--pods=40,100] [--idle=60]`: cnikit and upstream's bridge, portmap and
 * host-local in turn on a real Kubernetes of one node. Needs root and the agent's image (`npm run image`).
 */
import { existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { findDist, type Kubelab, kubelab } from '../../e2e/src/kubelab.ts';
import { stateFolder } from '../../e2e/src/state-folder.ts';
import { COUNTERS, type Costs, controlGroup, costs, install, type Side } from './cluster/network.ts';
import { createDeployment, type Scaling, scale } from './cluster/scaling.ts';
import { compiled } from './lib/exec-timer.ts';
import { median, table } from './lib/statistics.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    pods: { type: 'string', default: '40,100' },
    idle: { type: 'string', default: '60' },
  },
});
const [rounds = 0] = positive('rounds', [values.rounds]);
const counts = positive('pods', values.pods.split(','));
const [idleSeconds = 0] = positive('idle', [values.idle]);
const repository = join(import.meta.dirname, '../..');
const archive = join(repository, '.cache/image/agent.tar');
const state = stateFolder(repository, tmpdir(), process.env);
const dist = findDist(repository, 'newest', process.env);
const SIDES: readonly Side[] = ['cnikit', 'upstream'];

interface Round {
  idle: Costs;
  scalings: { scaling: Scaling; costs: Costs }[];
}

if (process.getuid?.() !== 0 || !existsSync(archive)) {
  console.log('cluster: skipped, it needs root and the image of the agent (npm run image)');
  process.exit(77);
}
const counter = compiled('counted-plugin', 'cc', ['-static']);
const results: Record<Side, Round[]> = { cnikit: [], upstream: [] };
for (let round = 0; round < rounds; round++) {
  for (const side of round % 2 === 0 ? SIDES : SIDES.toReversed()) {
    results[side].push(await measure(side));
    console.error(`round ${round + 1} of ${rounds}: ${side} is done`);
  }
}
report();

function positive(name: string, texts: readonly string[]): number[] {
  const invalid = texts.find((text) => !/^[1-9]\d*$/.test(text));
  if (invalid !== undefined) {
    console.error(`Invalid --${name} ${JSON.stringify(invalid)}: expected a positive integer`);
    process.exit(2);
  }
  return texts.map(Number);
}

/** Starts a new cluster and measures one side on it. */
async function measure(side: Side): Promise<Round> {
  const lab = kubelab({
    ...{ scripts: join(repository, 'e2e/kubernetes'), state, release: 'newest', proxy: 'nftables', dist },
    ...{ family: 'ipv4', nodes: 1, pluginFolder: COUNTERS },
  });
  lab.down();
  mkdirSync(controlGroup(), { recursive: true });
  try {
    lab.up();
    const upstream = join(state, 'newest/bin/cni');
    await install(side, { lab, repository, archive, counter, upstream });
    createDeployment(lab);
    // The first pod makes bridge, tables and the kubelet's caches.
    await scale(lab, 1);
    const idle = await between(side, lab, () => pause(idleSeconds * 1000));
    const scalings: Round['scalings'] = [];
    for (const count of counts) {
      let scaling: Scaling | undefined;
      const cost = await between(side, lab, async () => {
        scaling = await scale(lab, count);
      });
      scalings.push({ scaling: scaling!, costs: cost });
    }
    return { idle, scalings };
  } finally {
    lab.down();
    rmdirSync(controlGroup());
  }
}

/** Returns the costs of `body`. */
async function between(side: Side, lab: Kubelab, body: () => Promise<unknown>): Promise<Costs> {
  const before = costs(side, lab);
  await body();
  const after = costs(side, lab);
  return {
    pluginSeconds: after.pluginSeconds - before.pluginSeconds,
    agentSeconds: after.agentSeconds - before.agentSeconds,
    bytes: after.bytes - before.bytes,
    commands: new Map(
      [...after.commands].map(([name, count]) => [name, count - (before.commands.get(name) ?? 0)]),
    ),
  };
}

function report(): void {
  const rows: string[][] = [['', 'cnikit', 'upstream', 'upstream / cnikit', 'least to greatest']];
  const add = (title: string, unit: string, value: (round: Round) => number) => {
    const [ours, theirs] = SIDES.map((side) => results[side].map(value)) as [number[], number[]];
    const ratios = theirs.map((one, i) => one / ours[i]!);
    const text = (number: number) => `${number.toPrecision(3)}${unit}`;
    const range = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
    rows.push([title, text(median(ours)), text(median(theirs)), `${median(ratios).toFixed(2)}x`, range]);
  };
  for (const [i, count] of counts.entries()) {
    for (const key of ['first', 'half', 'all', 'gone'] as const) {
      const what = key === 'gone' ? 'all gone' : `${key} Ready`;
      add(`${count} pods: ${what}`, ' s', ({ scalings }) => scalings[i]!.scaling[key]);
    }
    const cost = (value: (costs: Costs) => number) => (round: Round) => value(round.scalings[i]!.costs);
    add(
      `${count} pods: processor, plugins`,
      ' s',
      cost(({ pluginSeconds }) => pluginSeconds),
    );
    add(
      `${count} pods: processor, plugins and agent`,
      ' s',
      cost(({ pluginSeconds, agentSeconds }) => pluginSeconds + agentSeconds),
    );
    add(
      `${count} pods: bytes written`,
      ' kB',
      cost(({ bytes }) => bytes / 1000),
    );
  }
  const perHour = 3600 / idleSeconds;
  add('idle hour: STATUS calls', '', ({ idle }) => (idle.commands.get('STATUS') ?? 0) * perHour);
  add('idle hour: processor, plugins', ' s', ({ idle }) => idle.pluginSeconds * perHour);
  add('idle hour: processor, agent', ' s', ({ idle }) => idle.agentSeconds * perHour);
  console.log(`Medians of ${rounds} rounds on one node, in turn\n\n${table(rows)}`);
}
