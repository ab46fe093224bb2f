/** Measures connections that a policy allows, in the sandbox: connections.ts BIN ROUNDS nftables|iptables. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { setUpNetwork, startServer } from '../agent/cluster.ts';
import { compiled } from '../lib/exec-timer.ts';
import { goalCells } from '../lib/goals.ts';
import { table } from '../lib/statistics.ts';
import { linkPod } from '../policy/packets.ts';
import { CLIENT, createCluster, EVENTS, policiesOf, SERVER } from './events.ts';
import { Probe } from './probe.ts';
import { clearRules, QUEUE, type Running, startCnikit, startKubeNetworkPolicies } from './side.ts';

/** Time of one connection in ns. */
interface Cost {
  /** From start to end. */
  wall: number;
  /** Processor time of both ends, the kernel and the program that enforces policies. */
  processor: number;
}

const PODS = 24;
const CONNECTIONS = 2000;
const GOAL = 0.5;

const [bin = '', rounds = '', queueBy = ''] = process.argv.slice(2);
const SIDES: Record<string, () => Promise<Running> | Running> = {
  cnikit: startCnikit,
  'kube-network-policies': () => {
    if (queueBy === 'iptables') {
      queueByIptables();
    }
    return startKubeNetworkPolicies(bin);
  },
};

setUpNetwork();
spawnSync('sysctl', ['-qw', 'net.ipv4.ip_forward=1']);
const [client, server] = [CLIENT, SERVER].map((address, i) => linkPod(i, address)) as [string, string];
const program = compiled('tcp-connections');
const costs = new Map<string, Cost[]>(['plain forwarding', ...Object.keys(SIDES)].map((name) => [name, []]));
const api = await startServer(1);
await createCluster(api.control, PODS);
for (let round = 0; round < Number(rounds); round++) {
  costs.get('plain forwarding')!.push(measure());
  for (const [name, start] of Object.entries(SIDES)) {
    const running = await start();
    await enforce(() => {
      costs.get(name)!.push(measure(running.pid));
    });
    await running.stop();
    clearRules();
  }
}
await api.stop();
report();

/** Runs `body` while a policy isolates the server and allows the client. */
async function enforce(body: () => void): Promise<void> {
  const [isolate, allow, ...undo] = EVENTS;
  const probe = new Probe(client, server, SERVER);
  try {
    await probe.next('open');
    for (const event of [isolate!, allow!]) {
      await event.send(api.control);
      await probe.next(event.effect);
    }
  } finally {
    probe.stop();
  }
  body();
  for (const { send } of undo) {
    await send(api.control);
  }
}

/** Queues new connections to the server at the hook where kube-network-policies does. */
function queueByIptables(): void {
  const matches = ['-d', SERVER, '-m', 'conntrack', '--ctstate', 'NEW'];
  const rule = [
    '-t',
    'mangle',
    '-A',
    'POSTROUTING',
    ...matches,
    '-j',
    'NFQUEUE',
    '--queue-num',
    String(QUEUE),
  ];
  const { status, stderr } = spawnSync('iptables', rule, { encoding: 'utf8' });
  if (status !== 0) {
    throw new Error(`iptables: ${stderr}`);
  }
}

/** Opens connections. `pid` is the program that enforces policies. */
function measure(pid?: number): Cost {
  const before = pid === undefined ? 0 : usedNs(pid);
  const { status, stdout, stderr } = spawnSync(program, [client, server, SERVER, String(CONNECTIONS)], {
    encoding: 'utf8',
  });
  if (status !== 0) {
    throw new Error(`tcp-connections: ${stderr}`);
  }
  const [wall = 0, own = 0] = stdout.split(' ').map(Number);
  const other = pid === undefined ? 0 : usedNs(pid) - before;
  return { wall, processor: own + other / CONNECTIONS };
}

/** Returns the processor time of a process so far. */
function usedNs(pid: number): number {
  const tasks = `/proc/${pid}/task`;
  const used = readdirSync(tasks).map((task) => readFileSync(`${tasks}/${task}/schedstat`, 'utf8'));
  return used.reduce((sum, text) => sum + Number(text.split(' ', 1)[0]), 0);
}

function report(): void {
  const least = (name: string, key: keyof Cost) => Math.min(...costs.get(name)!.map((cost) => cost[key]));
  const us = (ns: number) => `${(ns / 1000).toFixed(0)} µs`;
  const ratio = (value: number) => `${value.toFixed(2)}x`;
  const names = [...costs.keys()];
  const queue = names.at(-1)!;
  const rows = names.map((name) => [
    name,
    ...(['wall', 'processor'] as const).flatMap((key) => {
      const against = least(name, key) / least(queue, key);
      return [
        us(least(name, key)),
        ...(name === 'cnikit' ? goalCells(against, GOAL, ratio) : [ratio(against), '', '']),
      ];
    }),
  ]);
  console.log(
    `\n${PODS} pods, ${policiesOf(PODS)} policies and that of the server; a TCP connection, least of ${rounds} rounds\nkernel ${release()}, queue by ${queueBy}\n`,
  );
  console.log(
    table([['', 'time', 'against queue', 'goal', '', 'processor', 'against queue', 'goal', ''], ...rows]),
  );
}
