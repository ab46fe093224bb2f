/**
 * `npm run bench -- agent [--nodes=5000] [--rounds=5]`: the agent in a large cluster. Compares its work, from Nodes to
 * routes in the kernel, with `ip -batch` for the same routes. Then runs the built agent as in a pod, against an API
 * server in another process.
 */
import { parseArgs } from 'node:util';
import { nodeObject, type RunningAgent, setUpNetwork, startAgent, startServer } from './agent/cluster.ts';
import { measureSync } from './agent/sync.ts';
import { goalCells } from './lib/goals.ts';
import { median, table } from './lib/statistics.ts';

const { values } = parseArgs({
  options: { nodes: { type: 'string', default: '5000' }, rounds: { type: 'string', default: '5' } },
});
const count = Number(values.nodes);
const rounds = Number(values.rounds);
const SMALL = 100;
const HEARTBEATS = { perSecond: 500, seconds: 30 };

const ms = (value: number): string => `${value.toFixed(value < 10 ? 2 : 0)} ms`;
const ratio = (value: number): string => `${value.toFixed(2)}x`;
const megabytes = (value: number): string => `${value} MB`;
const wait = (milliseconds: number): Promise<void> => new Promise((done) => setTimeout(done, milliseconds));

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

console.log('\nas a process: from exec until Ready; RSS at most, and idle\n');
const rows: string[][] = [['', 'figure', 'goal', '']];
const small = await startServer(SMALL);
const readyMs: number[] = [];
for (let round = 0; round < rounds; round++) {
  const agent = await startAgent();
  readyMs.push(agent.readyMs);
  if (round === rounds - 1) {
    rows.push([`${SMALL} nodes, until Ready`, ...goalCells(median(readyMs), 600, ms)]);
    await addMemory(`${SMALL} nodes`, agent, 49);
  }
  await agent.stop();
}
await small.stop();

const large = await startServer(count);
const agent = await startAgent();
rows.push([`${count} nodes, until Ready`, ms(agent.readyMs)]);
await addMemory(`${count} nodes`, agent, 90);
console.log(table(rows));

const before = { ...agent.memory(), cpuMs: agent.cpuMs(), at: performance.now() };
const total = HEARTBEATS.perSecond * HEARTBEATS.seconds;
for (let beat = 0; beat < total; ) {
  const due = Math.floor(((performance.now() - before.at) / 1000) * HEARTBEATS.perSecond);
  const burst: Promise<unknown>[] = [];
  // At most as many at once as the backlog of a socket holds.
  for (; beat < Math.min(due, total) && burst.length < 50; beat++) {
    burst.push(large.control.nodes.put(heartbeat(beat)));
  }
  await Promise.all(burst);
  // Spread the updates as independent kubelets do.
  await wait(1);
}
const seconds = (performance.now() - before.at) / 1000;
const after = { ...agent.memory(), cpuMs: agent.cpuMs() };
const share = (after.cpuMs - before.cpuMs) / 10 / seconds;
console.log(`\n${Math.round(total / seconds)} heartbeats a second for ${seconds.toFixed(0)} s\n`);
console.log(
  table([
    ['', 'figure', 'goal', ''],
    ['share of one core', ...goalCells(share, 5, (value) => `${value.toFixed(1)} %`)],
    ['RSS after', ...goalCells(after.rss, 90, megabytes)],
  ]),
);
await agent.stop();
await large.stop();

/** A heartbeat: changes no field that the agent uses. */
function heartbeat(beat: number): ReturnType<typeof nodeObject> {
  const node = nodeObject(1 + (beat % count));
  for (const condition of node.status.conditions) {
    condition.lastHeartbeatTime = new Date(1_767_225_600_000 + beat * 1000).toISOString();
  }
  return node;
}

/** Waits until the agent is idle: it saves its state and collects the garbage of its start. */
async function addMemory(title: string, running: RunningAgent, goal: number): Promise<void> {
  await wait(6000);
  const { rss, peak } = running.memory();
  rows.push(
    [`${title}, RSS at most`, megabytes(peak)],
    [`${title}, RSS idle`, ...goalCells(rss, goal, megabytes)],
  );
}
