/**
 * `npm run bench -- agent [--nodes=5000] [--rounds=5] [--against=FILE]`: the agent in a large cluster. Compares its work,
 * from Nodes to routes in the kernel, with `ip -batch` for the same routes. Then runs the built agent as in a pod, against
 * an API server in another process, in turn with that of another build.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { asInImage, PROGRAM, setUpNetwork } from './agent/cluster.ts';
import { HEARTBEATS, measureProcesses, type ProcessFigures, SMALL } from './agent/process.ts';
import { measureSync } from './agent/sync.ts';
import { goalCells } from './lib/goals.ts';
import { table } from './lib/statistics.ts';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '5000' },
    rounds: { type: 'string', default: '5' },
    against: { type: 'string' },
  },
});
const count = Number(values.nodes);
const rounds = Number(values.rounds);
const against = values.against === undefined ? undefined : resolve(values.against);
if (against !== undefined && !existsSync(against)) {
  console.error(`--against=${values.against}: no such file; give the cnikit-agent.js of another build`);
  process.exit(2);
}

const ms = (value: number): string => `${value.toFixed(value < 10 ? 2 : 0)} ms`;
const ratio = (value: number): string => `${value.toFixed(2)}x`;
const megabytes = (value: number): string => `${value} MB`;

setUpNetwork();
const sync = measureSync(count, rounds);
console.log(`${count} nodes, ${sync.routes} routes; medians of ${rounds} rounds, alternating\n`);
console.log(
  table([
    ['', 'time', 'against ip -batch', 'goal', ''],
    [
      'from the list to the last route',
      ms(sync.firstMs),
      ...goalCells(sync.firstMs / sync.ipBatchMs, 0.6, ratio),
    ],
    ['  of it, writing to the kernel', ms(sync.writeMs), ratio(sync.writeMs / sync.ipBatchMs)],
    ['ip -batch', ms(sync.ipBatchMs), ratio(1)],
  ]),
);
console.log('');
console.log(
  table([
    ['', 'figure', 'goal', ''],
    ['from a changed Node to its routes', ...goalCells(sync.eventMs, 20, ms)],
    ['  dumps of these events', ...goalCells(sync.eventDumps, 0, String)],
    ['  until all is done', ms(sync.eventTotalMs)],
  ]),
);

const [ours, other] = await measureProcesses(
  [PROGRAM, ...(against === undefined ? [] : [against])].map(asInImage),
  count,
  rounds,
);
console.log(`
as a process: from exec until Ready; RSS at most, and idle; then ${HEARTBEATS.perSecond} heartbeats a second for ${HEARTBEATS.seconds} s
`);
console.log(table(processRows(ours!, other)));

/** Returns the rows of this build, with another build also its figures and the ratios. */
function processRows(figures: ProcessFigures, than: ProcessFigures | undefined): string[][] {
  const row = (
    title: string,
    pick: (of: ProcessFigures) => number,
    format: (value: number) => string,
    goal?: number,
  ): string[] => [
    title,
    ...(than === undefined ? [] : [format(pick(than)), ratio(pick(figures) / pick(than))]),
    ...(goal === undefined ? [format(pick(figures))] : goalCells(pick(figures), goal, format)),
  ];
  const percent = (value: number): string => `${value.toFixed(1)} %`;
  return [
    ['', ...(than === undefined ? [] : ['other build', 'ratio']), 'figure', 'goal', ''],
    row(`${SMALL} nodes, until Ready`, ({ small }) => small.readyMs, ms, 600),
    row('  its processor time', ({ small }) => small.readyCpuMs, ms),
    row(`${SMALL} nodes, RSS at most`, ({ small }) => small.peak, megabytes),
    row(`${SMALL} nodes, RSS idle`, ({ small }) => small.idle, megabytes, 49),
    row(`${count} nodes, until Ready`, ({ large }) => large.readyMs, ms),
    row('  its processor time', ({ large }) => large.readyCpuMs, ms),
    row(`${count} nodes, RSS at most`, ({ large }) => large.peak, megabytes),
    row(`${count} nodes, RSS idle`, ({ large }) => large.idle, megabytes, 90),
    row(
      'heartbeats that arrived in a second',
      ({ rate }) => rate,
      (value) => value.toFixed(0),
    ),
    row('  share of one core', ({ share }) => share, percent, 5),
    row(
      '  processor time of one',
      ({ heartbeatUs }) => heartbeatUs,
      (value) => `${value.toFixed(0)} µs`,
    ),
    row('RSS after the heartbeats', ({ after }) => after, megabytes, 90),
  ];
}
