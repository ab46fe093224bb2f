/** Compares what two pods of one node pay on each layout: traffic between them, and memory of the kernel. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { compiled, timeRuns } from '../lib/exec-timer.ts';
import { median } from '../lib/statistics.ts';
import { podNetns } from '../plugin/node.ts';
import { runOf } from './contenders.ts';

/** A measured value on both layouts, with its goal. */
export interface GoalRow {
  title: string;
  /** Absent: the row is about the layout `routed` alone. */
  bridge?: number;
  routed: number;
  /** Decimals to print. */
  digits: number;
  goal: string;
  /** Returns true if the goal is met. */
  met(ratio: number, routed: number): boolean;
}

/** Pods for the measurement of memory. */
const MANY = 100;
/** Index of the first namespace that no other measurement uses. */
const FIRST = 1000;
/** Indexes of the contenders `bridge` and `routed`. */
export const LAYOUTS = [0, 1] as const;

/** Fields that save frames to other pods of a bridge. */
const FEWER_FRAMES: readonly object[] = [
  {},
  { routerSolicitations: false },
  { routerSolicitations: false, macFromAddress: true },
];

const withFields = (fields: object): string =>
  Object.entries(fields)
    .map(([name, value], i) => `${i === 0 ? ', with' : ' and'} ${name} ${value}`)
    .join('');

/** Returns the rows of traffic, frames and memory. */
export function pairRows(rounds: number): GoalRow[] {
  const pods = LAYOUTS.map((at) => [FIRST + 2 * at, FIRST + 2 * at + 1]);
  const runs = (command: 'ADD' | 'DEL') =>
    LAYOUTS.flatMap((at) => pods[at]!.map((pod) => runOf(at, command, `pair${pod}`, pod)));
  timeRuns(runs('ADD'));
  const measured = Array.from({ length: rounds }, () => pods.map((pair) => traffic(pair)));
  const of = (at: number, column: number) => median(measured.map((round) => round[at]![column]!));
  const framesWith = FEWER_FRAMES.map((fields) => LAYOUTS.map((at) => frames(at, pods[at]!, fields)));
  timeRuns(runs('DEL'));
  const memory = memoryOfPods();
  return [
    {
      title: 'UDP round trip between two pods, processor time in µs',
      bridge: of(0, 0) / 1e3,
      routed: of(1, 0) / 1e3,
      digits: 2,
      goal: '<= 1.05x',
      met: (ratio) => ratio <= 1.05,
    },
    {
      title: 'TCP between two pods, GB per second of processor time',
      bridge: 1024 / of(0, 1),
      routed: 1024 / of(1, 1),
      digits: 2,
      goal: '>= 0.95x',
      met: (ratio) => ratio >= 0.95,
    },
    ...framesWith.map(([bridge, routed], i) => ({
      title: `frames to another pod within 4 s of an ADD${withFields(FEWER_FRAMES[i]!)}`,
      bridge: bridge!,
      routed: routed!,
      digits: 0,
      goal: 'routed 0',
      met: (_: number, value: number) => value === 0,
    })),
    {
      title: `memory of the kernel for a pod (slab and per-CPU, ${MANY} pods), KiB`,
      bridge: memory[0]!,
      routed: memory[1]!,
      digits: 1,
      goal: '<= 1.02x',
      met: (ratio) => ratio <= 1.02,
    },
  ];
}

/** Runs a mode of pod-traffic and returns the numbers that it prints. */
export function podTraffic(mode: string, ...argv: string[]): number[] {
  const { stdout, stderr, status } = spawnSync(compiled('pod-traffic'), [mode, ...argv], {
    encoding: 'utf8',
  });
  if (status !== 0) {
    throw new Error(`pod-traffic ${mode}: ${stderr}`);
  }
  return stdout.trim().split(' ').map(Number);
}

function traffic(pair: readonly number[]): number[] {
  return podTraffic('pair', ...pair.map(podNetns));
}

/** Returns the frames that reach the first pod while a third one starts whose configuration has more fields. */
function frames(at: number, [first]: readonly number[], fields: object): number {
  const run = (command: 'ADD' | 'DEL') => {
    const { input, ...rest } = runOf(at, command, `third${at}`, third);
    return [{ ...rest, input: { ...input, ...fields } }];
  };
  const third = FIRST + 10 + at;
  const received = () => {
    const argv = ['-n', `bench${first}`, '-j', '-s', 'link', 'show', 'dev', 'eth0'];
    const [link] = JSON.parse(spawnSync('ip', argv, { encoding: 'utf8' }).stdout);
    return link.stats64.rx.packets as number;
  };
  podNetns(third);
  sleep(4);
  const before = received();
  timeRuns(run('ADD'));
  sleep(4);
  const frames = received() - before;
  timeRuns(run('DEL'));
  return frames;
}

function sleep(seconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, seconds * 1000);
}

/** Returns the memory of a pod on each layout in KiB: the median of three rounds in turn. */
function memoryOfPods(): number[] {
  const pods = Array.from({ length: MANY }, (_, i) => 100 + i);
  const measured = LAYOUTS.map((): number[] => []);
  for (let round = 0; round <= 3; round++) {
    for (const at of LAYOUTS) {
      const runs = (command: 'ADD' | 'DEL') =>
        pods.map((pod) => runOf(at, command, `memory${round}-${pod}`, pod));
      sleep(1);
      const before = kernelKiB();
      timeRuns(runs('ADD'));
      sleep(1);
      const each = (kernelKiB() - before) / MANY;
      timeRuns(runs('DEL'));
      // The first round fills caches of the kernel.
      if (round > 0) {
        measured[at]!.push(each);
      }
    }
  }
  return measured.map(median);
}

/** Returns the kernel's memory that it cannot reclaim. Namespaces exist before, so a pod's own share remains. */
function kernelKiB(): number {
  const text = readFileSync('/proc/meminfo', 'utf8');
  return ['SUnreclaim', 'Percpu']
    .map((name) => Number(new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(text)?.[1]))
    .reduce((sum, kiB) => sum + kiB, 0);
}
