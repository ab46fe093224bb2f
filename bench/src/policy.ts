/**
 * `npm run bench -- policy [--rounds=5] [--pods=5000] [--policies=1000]`: NetworkPolicies from objects to the kernel,
 * against `nft -f` with the same rules; events of a running cluster; a large cluster; what policies cost a packet; pods
 * that start; and the memory of the agent.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { delTable, newElements, newSet, newTable, openNftables } from '@cnikit/netlink/nftables';
import { compile, formatNft, type Ruleset, readCluster } from '@cnikit/policy';
import { POLICY_TABLE } from '../../packages/agent/src/core/names.ts';
import { PolicyTable } from '../../packages/agent/src/policy/policy-table.ts';
import { scopeOf } from '../../packages/agent/src/policy/rules.ts';
import { setUpNetwork } from './agent/cluster.ts';
import { goalCells } from './lib/goals.ts';
import { median, table } from './lib/statistics.ts';
import { requireSandbox } from './plugin/node.ts';
import { RunningCluster } from './policy/changes.ts';
import { measureMemory } from './policy/memory.ts';
import { NODE, objects, POD_CIDRS, type Size } from './policy/objects.ts';
import { measurePackets, PACKET_CIDRS, type PacketCost, rulesetOf, setUpPods } from './policy/packets.ts';
import { podStarts } from './policy/pod-starts.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    pods: { type: 'string', default: '5000' },
    policies: { type: 'string', default: '1000' },
  },
});
const [rounds, pods, policies] = [values.rounds, values.pods, values.policies].map(Number) as [
  number,
  number,
  number,
];
if (![rounds, pods, policies].every((number) => Number.isSafeInteger(number) && number > 0)) {
  console.error('Invalid --rounds, --pods or --policies: expected positive integers, such as --pods=5000');
  process.exit(2);
}
const LARGE: Size = { pods: 100_000, policies: 10_000, local: 110 };
const EVENTS = 50;

requireSandbox();
const nft = openNftables();
const policyTable = new PolicyTable(nft);
const scope = scopeOf(POD_CIDRS);
const size: Size = { pods, policies, local: pods };

const text = (number: number, unit: string): string =>
  `${number.toFixed(number < 10 ? 2 : number < 100 ? 1 : 0)} ${unit}`;
const ms = (number: number): string => text(number, 'ms');
const ratio = (number: number): string => `${number.toFixed(2)}x`;

fromObjects();
events();
large();
packets();
nft.close();
setUpNetwork();
await podStarts();
await memory();

/** Compares objects to kernel with nft -f, in turn. */
function fromObjects(): void {
  const input = [...objects(size)];
  const rules = formatNft(compile(readCluster(input), NODE), { podCIDRs: POD_CIDRS });
  const took = { compile: [] as number[], ours: [] as number[], nft: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    const began = performance.now();
    loadText(rules);
    took.nft.push(performance.now() - began);
    removeTable();
    const cluster = new RunningCluster(size, () => undefined);
    const compileMs = cluster.start(input);
    const at = performance.now();
    policyTable.rebuild(cluster.compiler.ruleset, scope);
    took.compile.push(compileMs);
    took.ours.push(compileMs + performance.now() - at);
    removeTable();
  }
  const [compileMs, ours, theirs] = [median(took.compile), median(took.ours), median(took.nft)];
  console.log(`${pods} pods of this node, ${policies} policies; medians of ${rounds} rounds, in turn\n`);
  console.log(
    table([
      ['', 'time', 'against nft -f', 'goal', ''],
      ['from objects to the kernel', text(ours, 'ms'), ...goalCells(ours / theirs, 1.5, ratio)],
      ['  of it, compiling', text(compileMs, 'ms'), ratio(compileMs / theirs)],
      [`nft -f, the same rules in ${(rules.length / 1e6).toFixed(1)} MB`, text(theirs, 'ms'), ratio(1)],
    ]),
  );
}

function removeTable(): void {
  const removed = { family: 'inet', name: POLICY_TABLE } as const;
  if (nft.table(removed) !== undefined) {
    nft.commit([delTable(removed)]);
  }
}

/** @throws {Error} when nft refuses the rules */
function loadText(rules: string): void {
  const { status, stderr } = spawnSync('nft', ['-f', '-'], { input: rules, encoding: 'utf8' });
  if (status !== 0) {
    throw new Error(`nft -f: ${stderr.slice(0, 500)}`);
  }
}

/** Starts a cluster whose rules are in the kernel. */
function running(size: Size): RunningCluster {
  let started = false;
  const cluster = new RunningCluster(size, (changes, { ruleset }) => {
    if (started) {
      policyTable.apply(changes);
    } else {
      policyTable.rebuild(ruleset, scope);
    }
  });
  cluster.start();
  started = true;
  return cluster;
}

/** Measures single events on the kernel's full table. */
function events(): void {
  const cluster = running(size);
  const pod = cluster.pods(EVENTS);
  const label = cluster.labels(EVENTS);
  removeTable();
  const local = Math.min(pods, LARGE.local);
  const among = running({ ...size, local }).pods(EVENTS);
  removeTable();
  const floor = emptyTransaction();
  console.log(`\nevents of this cluster; medians of ${EVENTS}\n`);
  console.log(
    table([
      ['', 'changes', 'event to kernel', 'goal', ''],
      [`a pod appears, ${local} on this node`, String(among.changes), ...goalCells(among.ms, 5, ms)],
      [`a pod appears, ${pods} on this node`, String(pod.changes), ...goalCells(pod.ms, 5, ms)],
      ['a label of a namespace changes', String(label.changes), ...goalCells(label.ms, 50, ms)],
      ['one element in an empty table', '1', ms(floor)],
    ]),
  );
}

/** Returns the milliseconds that the kernel needs for any transaction: the median of single elements. */
function emptyTransaction(): number {
  const own = { family: 'inet', table: 'cnikit-bench', name: 'addresses' } as const;
  const whole = { family: own.family, name: own.table };
  nft.commit([newTable(whole), newSet({ ...own, key: 'ipv4_addr' })]);
  const times: number[] = [];
  for (let i = 0; i < EVENTS; i++) {
    const began = performance.now();
    nft.commit([newElements(own, [{ key: new Uint8Array([10, 0, 0, i]) }])]);
    times.push(performance.now() - began);
  }
  nft.commit([delTable(whole)]);
  return median(times);
}

/** Compares the memory of the agent with and without policies. */
async function memory(): Promise<void> {
  const rss = await measureMemory({ ...size, local: 110 }, 2);
  console.log(
    `\nresident memory of the idle agent, 100 nodes, ${pods} pods, ${policies} policies; least of 2\n`,
  );
  console.log(
    table([
      ['', 'RSS', 'against without', 'goal', ''],
      ['with --network-policy', text(rss.with, 'MB'), ...goalCells(rss.with / rss.without, 1.3, ratio)],
      ['without', text(rss.without, 'MB'), ratio(1)],
    ]),
  );
}

/** Compiles a large cluster in its own process. */
function large(): void {
  const program = fileURLToPath(new URL('policy/large.ts', import.meta.url));
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [...process.execArgv, program, String(LARGE.pods), String(LARGE.policies), String(LARGE.local)],
    { encoding: 'utf8' },
  );
  if (status !== 0) {
    throw new Error(`large.ts: ${stderr}`);
  }
  const { readMs, compileMs, peakMB } = JSON.parse(stdout) as Record<
    'readMs' | 'compileMs' | 'peakMB',
    number
  >;
  const seconds = (milliseconds: number) => text(milliseconds / 1000, 's');
  console.log(
    `\n${LARGE.pods} pods, ${LARGE.local} of them on this node, ${LARGE.policies} policies, in a separate process\n`,
  );
  console.log(
    table([
      ['', 'figure', 'goal', ''],
      ['processor time to compile', ...goalCells(compileMs, 3000, seconds)],
      ['processor time to check the objects', seconds(readMs)],
      ['RSS at most', ...goalCells(peakMB, 350, (number) => text(number, 'MB'))],
    ]),
  );
}

/** Compares the ways of a packet through the node, in turn. */
function packets(): void {
  setUpPods();
  const program = (ruleset: Ruleset) => policyTable.rebuild(ruleset, scopeOf(PACKET_CIDRS));
  const tracking = (hook: string) =>
    `table ip plain { chain c { type filter hook ${hook} priority 0; ct state established accept\n}\n}\n`;
  const ways: Record<string, () => void> = {
    'plain forwarding': () => undefined,
    // No packet meets the rule, but the kernel tracks connections for it.
    'connection tracking alone': () => loadText(tracking('input')),
    'ct state established accept': () => loadText(tracking('forward')),
    'no policy': () => program(rulesetOf(0)),
    '1 policy': () => program(rulesetOf(1)),
    '10 policies': () => program(rulesetOf(10)),
    '100 policies': () => program(rulesetOf(100)),
  };
  const costs = new Map<string, PacketCost[]>(Object.keys(ways).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, prepare] of Object.entries(ways)) {
      prepare();
      costs.get(name)!.push(measurePackets());
      spawnSync('nft', ['delete', 'table', 'ip', 'plain']);
      removeTable();
    }
  }
  const least = (name: string, key: keyof PacketCost): number =>
    Math.min(...costs.get(name)!.map((cost) => cost[key]));
  const goals: Record<string, [number, number]> = { '10 policies': [1.7, 1.1] };
  const cells = (figure: number, goal: number | undefined) =>
    goal === undefined ? [ratio(figure), '', ''] : goalCells(figure, goal, ratio);
  const rows = Object.keys(ways).map((name) => [
    name,
    ...(['first', 'established'] as const).flatMap((key, i) => [
      text(least(name, key), 'ns'),
      ...cells(least(name, key) / least('plain forwarding', key), goals[name]?.[i]),
    ]),
  ]);
  console.log(`\nprocessor time of one UDP packet between two pods of the node; least of ${rounds} rounds\n`);
  console.log(table([['', 'first packet', '', 'goal', '', 'established', '', 'goal', ''], ...rows]));
}
