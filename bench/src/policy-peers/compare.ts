/** Runs cnikit and kube-router in turn in the sandbox: compare.ts BIN ROUNDS PODS[,PODS]. */
import { spawnSync } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import type { ControlClient } from '@cnikit/apiserver-fake';
import { setUpNetwork, startServer } from '../agent/cluster.ts';
import { goalCells } from '../lib/goals.ts';
import { median, table } from '../lib/statistics.ts';
import { linkPod } from '../policy/packets.ts';
import { CLIENT, createCluster, EVENTS, MOST_PODS, policiesOf, SERVER } from './events.ts';
import { now, Probe } from './probe.ts';
import { hasStrace, netlinkBytes } from './sent-bytes.ts';
import { clearRules, type Running, startCnikit, startKubeRouter } from './side.ts';

/** kube-router is still busy after its rules are in the kernel. */
const SETTLE_MS = 300;
const GOAL = 0.1;

/** A program that enforces the policies. */
interface Side {
  name: string;
  start: (control: ControlClient) => Promise<Running>;
}

interface Figures {
  /** For each event, ms from the event to the first packet that meets it. */
  times: number[][];
  /** Bytes that one event makes the side send to the kernel. */
  bytes: number | undefined;
}

const [bin = '', roundsText = '', podsText = ''] = process.argv.slice(2);
const rounds = Number(roundsText);
const SIDES: readonly Side[] = [
  { name: 'cnikit', start: startCnikit },
  { name: 'kube-router', start: (control) => startKubeRouter(bin, control) },
];

setUpNetwork();
spawnSync('sysctl', ['-qw', 'net.ipv4.ip_forward=1']);
const [client, server] = [CLIENT, SERVER].map((address, i) => linkPod(i, address));
for (const pods of podsText.split(',').map(Number)) {
  if (pods > MOST_PODS) {
    throw new Error(`--pods=${pods}: at most ${MOST_PODS}`);
  }
  await compare(pods);
}

async function compare(pods: number): Promise<void> {
  const api = await startServer(1);
  const figures: Figures[] = [];
  try {
    await createCluster(api.control, pods);
    for (const side of SIDES) {
      figures.push(await measure(side, api.control));
    }
  } finally {
    await api.stop();
  }
  const [ours, theirs] = figures as [Figures, Figures];
  const ms = (value: number) => `${value.toFixed(value < 100 ? 1 : 0)} ms`;
  const ratio = (value: number) => `${value.toPrecision(2)}x`;
  const rows = EVENTS.map(({ title }, i) => {
    const [own, other] = [median(ours.times[i]!), median(theirs.times[i]!)];
    return [title, ms(own), ms(other), ...goalCells(own / other, GOAL, ratio)];
  });
  if (ours.bytes !== undefined && theirs.bytes !== undefined) {
    const bytes = (value: number) => `${value.toFixed(0)} bytes`;
    rows.push([
      'sent to the kernel for an event',
      ...[ours, theirs].map((one) => bytes(one.bytes!)),
      ratio(ours.bytes / theirs.bytes),
    ]);
  }
  console.log(
    `\n${pods} pods of this node, ${policiesOf(pods)} policies; from the event to the packets, medians of ${rounds}\n`,
  );
  console.log(table([['', ...SIDES.map(({ name }) => name), 'ratio', 'goal', ''], ...rows]));
  if (ours.bytes === undefined) {
    console.log('strace is not installed, so what they send to the kernel is not counted');
  }
}

async function measure(side: Side, control: ControlClient): Promise<Figures> {
  const running = await side.start(control);
  const probe = new Probe(client!, server!, SERVER);
  const cycle = async (): Promise<number[]> => {
    const times: number[] = [];
    for (const { effect, send } of EVENTS) {
      const began = now();
      await send(control);
      times.push((await probe.next(effect)) - began);
      await pause(SETTLE_MS);
    }
    return times;
  };
  try {
    await probe.next('open');
    // Ends the work of the start.
    await cycle();
    const cycles: number[][] = [];
    for (let round = 0; round < rounds; round++) {
      cycles.push(await cycle());
    }
    const bytes = hasStrace() ? await netlinkBytes(running.pid, async () => void (await cycle())) : undefined;
    return {
      times: EVENTS.map((_, i) => cycles.map((one) => one[i]!)),
      bytes: bytes && bytes / EVENTS.length,
    };
  } finally {
    probe.stop();
    await running.stop();
    clearRules();
  }
}
