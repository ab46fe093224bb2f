/**
 * `npm run bench -- plugin`: the static plugin beside the reference bridge and host-local, run in turn, so that
 * what the machine does meanwhile meets both. Ratios count; milliseconds are this machine's at this moment.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { executablePath } from '@cnikit/plugin';
import { type Run, type Timing, timeRuns } from './exec-timer.ts';
import { median, quantile, table } from './statistics.ts';

const ROUNDS = Number(process.env.CNIKIT_BENCH_ROUNDS ?? 200);
const REFERENCE = '/usr/lib/cni';

interface Contender {
  name: string;
  program: string;
  path: string;
  subnet: string;
  bridge: string;
}

const contenders: Contender[] = [
  { name: 'cnikit', program: executablePath(), path: '/nowhere', subnet: '10.81.0.0/16', bridge: 'bench-a' },
  {
    name: 'reference',
    program: `${REFERENCE}/bridge`,
    path: REFERENCE,
    subnet: '10.82.0.0/16',
    bridge: 'bench-b',
  },
];

function conf({ name, subnet, bridge }: Contender): string {
  return JSON.stringify({
    cniVersion: '1.0.0',
    name: `bench-${name}`,
    type: 'bridge',
    bridge,
    isDefaultGateway: true,
    ipam: { type: 'host-local', dataDir: '/run/cnikit-bench', ranges: [[{ subnet }]] },
  });
}

function runOf(contender: Contender, command: string, id: string): Run {
  return {
    label: `${command} ${contender.name}`,
    program: contender.program,
    input: conf(contender),
    env: {
      CNI_COMMAND: command,
      CNI_CONTAINERID: id,
      CNI_NETNS: '/run/netns/bench',
      CNI_IFNAME: 'eth0',
      CNI_PATH: contender.path,
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
    },
  };
}

/** VERSION, ADD and DEL of each contender in turn; the first round warms both up and is not counted. */
function measure(): Timing[] {
  const round = (i: number) =>
    contenders.flatMap((contender) =>
      ['VERSION', 'ADD', 'DEL'].map((command) => runOf(contender, command, `round${i}`)),
    );
  timeRuns(round(0));
  return timeRuns(Array.from({ length: ROUNDS }, (_, i) => round(i + 1)).flat());
}

function report(timings: readonly Timing[]): string {
  const of = (command: string, name: string) => timings.filter(({ label }) => label === `${command} ${name}`);
  const rows = [['', 'cnikit ms', 'p95', 'reference ms', 'p95', 'ratio']];
  for (const command of ['VERSION', 'ADD', 'DEL']) {
    const [ours, theirs] = ['cnikit', 'reference'].map((name) =>
      of(command, name).map(({ wallMs }) => wallMs),
    ) as [number[], number[]];
    rows.push([
      command,
      median(ours).toFixed(2),
      quantile(ours, 0.95).toFixed(2),
      median(theirs).toFixed(2),
      quantile(theirs, 0.95).toFixed(2),
      `${(median(theirs) / median(ours)).toFixed(1)}x`,
    ]);
  }
  const [ours, theirs] = ['cnikit', 'reference'].map((name) =>
    Math.max(...of('ADD', name).map(({ maxRssKiB }) => maxRssKiB)),
  ) as [number, number];
  rows.push([
    'ADD max RSS, MiB',
    (ours / 1024).toFixed(2),
    '',
    (theirs / 1024).toFixed(2),
    '',
    `${(theirs / ours).toFixed(1)}x`,
  ]);
  return table(rows);
}

function main(): void {
  if (process.env.CNIKIT_SANDBOX !== '1')
    throw new Error('Run it by `npm run bench -- plugin`, in namespaces of its own');
  for (const { program } of contenders) if (!existsSync(program)) throw new Error(`${program} is missing`);
  ip('netns', 'add', 'bench');
  try {
    console.log(`${ROUNDS} rounds each, in turn; wall time from fork to exit, median and 95th percentile`);
    console.log(report(measure()));
    console.log(
      'ratio: how many times as long the reference takes (reference: bridge, which runs host-local)',
    );
  } finally {
    ip('netns', 'del', 'bench');
    for (const { bridge } of contenders) ip('link', 'del', bridge);
    rmSync('/run/cnikit-bench', { recursive: true, force: true });
  }
}

function ip(...argv: string[]): void {
  const done = spawnSync('ip', argv, { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`ip ${argv.join(' ')}: ${done.stderr}`);
}

main();
