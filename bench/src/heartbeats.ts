/**
 * `npm run bench -- heartbeats [--nodes=5000] [--rounds=2] [--against=FILE]`: the agent's processor time for heartbeats of
 * a large cluster, in turn with that of another build.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { PROGRAM, SERVICE_ACCOUNT, setUpNetwork, startAgent } from './agent/cluster.ts';
import { HEARTBEATS, idleMemory } from './agent/process.ts';
import type { Report } from './heartbeats/server.ts';
import { median, table } from './lib/statistics.ts';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '5000' },
    rounds: { type: 'string', default: '2' },
    against: { type: 'string' },
  },
});
const programs = [...(values.against === undefined ? [] : [resolve(values.against)]), PROGRAM];
const total = HEARTBEATS.perSecond * HEARTBEATS.seconds;

setUpNetwork();
const server = fork(fileURLToPath(new URL('./heartbeats/server.ts', import.meta.url)), [
  values.nodes,
  String(HEARTBEATS.perSecond),
]);
const { caCert, port } = (await next(server)) as Extract<Report, { port: number }>;
mkdirSync(SERVICE_ACCOUNT, { recursive: true });
writeFileSync(join(SERVICE_ACCOUNT, 'token'), 'token');
writeFileSync(join(SERVICE_ACCOUNT, 'ca.crt'), caCert);
process.env.KUBERNETES_SERVICE_HOST = '127.0.0.1';
process.env.KUBERNETES_SERVICE_PORT = String(port);

const figures = programs.map(() => ({ start: [] as number[], beat: [] as number[], rss: [] as number[] }));
for (let round = 0; round < Number(values.rounds); round++) {
  for (const [i, program] of programs.entries()) {
    const agent = await startAgent([], [], program);
    figures[i]!.start.push(agent.readyCpuMs);
    await idleMemory(agent);
    const before = agent.cpuMs();
    server.send(HEARTBEATS.seconds);
    await next(server);
    // The last heartbeats are read after the others have gathered.
    await pause(200);
    figures[i]!.beat.push(((agent.cpuMs() - before) * 1000) / total);
    figures[i]!.rss.push(agent.memory().rss);
    await agent.stop();
  }
}
server.kill();

const [first] = figures;
const title = (program: string): string => (program === PROGRAM ? 'this build' : 'other build');
console.log(
  `${values.nodes} nodes, ${HEARTBEATS.perSecond} heartbeats a second for ${HEARTBEATS.seconds} s; medians of ${values.rounds} rounds, in turn\n`,
);
console.log(
  table([
    ['', 'processor time of one', 'ratio', 'RSS after them', 'processor time of the start'],
    ...figures.map(({ start, beat, rss }, i) => [
      title(programs[i]!),
      `${median(beat).toFixed(0)} µs`,
      `${(median(beat) / median(first!.beat)).toFixed(2)}x`,
      `${median(rss)} MB`,
      `${median(start)} ms`,
    ]),
  ]),
);

async function next(child: ChildProcess): Promise<unknown> {
  const [report] = await once(child, 'message');
  return report;
}
