/**
 * `npm run bench -- plugin-phases`: durations of the phases of ADD and DEL, from the plugin's log. Medians of
 * CNIKIT_BENCH_ROUNDS (200) rounds. `start` is the processor time until the configuration has been read. No phase
 * includes the exit.
 */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { executablePath } from '@cnikit/plugin';
import { timeRuns } from './lib/exec-timer.ts';
import { median, table } from './lib/statistics.ts';
import { clearNode, DATA_DIR, podNetns, requireSandbox } from './plugin/node.ts';
import { type Command, runsOf } from './plugin/runs.ts';

const ROUNDS = Number(process.env.CNIKIT_BENCH_ROUNDS ?? 200);
const LOG = `${DATA_DIR}/log`;

/** The evaluated fields of a log line. */
interface Line {
  verb: string;
  trace: Record<string, number>;
}

function main(): void {
  requireSandbox();
  mkdirSync(DATA_DIR, { recursive: true });
  podNetns(0);
  try {
    console.log(`Milliseconds, medians of ${ROUNDS} rounds`);
    for (const [title, more] of [
      ['bridge + host-local', {}],
      ['bridge + host-local, dual stack', dualStack('dual')],
      ['routed + host-local, dual stack', { layout: 'routed', ...dualStack('routed') }],
      ['bridge + host-local + ipMasq + portMappings + bandwidth', everything()],
    ] as const) {
      const lines = measured(title, more);
      for (const command of ['ADD', 'DEL']) {
        console.log(`\n${command}, ${title}`);
        console.log(phases(lines.filter(({ verb }) => verb === command)));
      }
    }
  } finally {
    clearNode();
  }
}

function dualStack(bridge: string): object {
  const ranges = [[{ subnet: '10.20.0.0/16' }], [{ subnet: 'fd00:20::/64' }]];
  return { bridge, ipam: { type: 'host-local', dataDir: `${DATA_DIR}/${bridge}`, ranges } };
}

function everything(): object {
  const runtimeConfig = {
    portMappings: [{ hostPort: 18080, containerPort: 80, protocol: 'tcp' }],
    bandwidth: { ingressRate: 1e8, ingressBurst: 1e7, egressRate: 1e8, egressBurst: 1e7 },
  };
  return { ipMasq: true, capabilities: { portMappings: true, bandwidth: true }, runtimeConfig };
}

function measured(title: string, more: object): Line[] {
  rmSync(LOG, { force: true });
  const conf = {
    cniVersion: '1.0.0',
    name: 'phases',
    type: 'cnikit',
    bridge: 'phases',
    isDefaultGateway: true,
    log: { file: LOG },
    ipam: { type: 'host-local', dataDir: DATA_DIR, ranges: [[{ subnet: '10.19.0.0/16' }]] },
    ...more,
  };
  const contender = { name: 'cnikit' as const, steps: [{ program: executablePath(), conf }] };
  const pod = (command: Command, i: number) => runsOf(title, contender, command, { id: `round${i}` });
  timeRuns(Array.from({ length: ROUNDS + 1 }, (_, i) => [...pod('ADD', i), ...pod('DEL', i)]).flat());
  const lines = readFileSync(LOG, 'utf8').trim().split('\n');
  // Skip the first round, which creates the bridge.
  return lines.slice(2).map((line) => JSON.parse(line) as Line);
}

function phases(lines: readonly Line[]): string {
  const names = Object.keys(lines[0]?.trace ?? {});
  const medians = names.map((name) => median(lines.map(({ trace }) => trace[name] ?? 0)));
  // Add up the medians: the median of the whole includes waits for kernel locks that other programs held.
  const sum = medians.reduce((total, ms) => total + ms, 0);
  const rows = medians.map((ms, i) => [
    names[i] as string,
    ms.toFixed(2),
    `${Math.round((100 * ms) / sum)} %`,
  ]);
  return table([['phase', 'ms', 'share'], ...rows, ['sum', sum.toFixed(2), '']]);
}

main();
