/**
 * `npm run bench -- plugin-phases`: durations of the phases of ADD and DEL, from the plugin's log. Medians of
 * CNIKIT_BENCH_ROUNDS (200) rounds. `start` is the processor time until the configuration has been read. No phase
 * includes the exit. The last table is that of docs/performance.md.
 */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { executablePath } from '@cnikit/plugin';
import { timeRuns } from './lib/exec-timer.ts';
import { median, table } from './lib/statistics.ts';
import { clearNode, DATA_DIR, podNetns, requireSandbox } from './plugin/node.ts';
import { type Command, runsOf } from './plugin/runs.ts';

const ROUNDS = Number(process.env.CNIKIT_BENCH_ROUNDS ?? 200);
const LOG = `${DATA_DIR}/log`;

/** Work of the plugin by phase. */
const WHAT = {
  start: 'from exec until the configuration was read',
  parse: 'parsing the configuration',
  netns: "opening sockets, one of them in the pod's namespace",
  bridge: 'looking up the bridge',
  veth: 'creating the pair',
  bandwidth: 'tbf on the host end and an ifb, before the host end is up',
  ipam: 'allocating an address, under a lock',
  gateway: "the bridge's address, forwarding",
  rules: 'one nftables transaction; the pod is the first and the last one',
  addresses: 'up, addresses and routes in the pod',
  port: 'the port forwards, the address is announced',
  links: 'deleting the veth, until it is gone',
  rest: 'writing the result',
} as const;

/** Medians by phase, in milliseconds. */
type Phases = Readonly<Record<string, number>>;

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
    const columns: [title: string, phases: Phases][] = [];
    for (const [title, more, column] of [
      ['bridge + host-local', {}, ''],
      ['bridge + host-local, dual stack', dualStack('dual')],
      ['routed + host-local, dual stack', { layout: 'routed', ...dualStack('routed') }],
      ['bridge + host-local + ipMasq + portMappings + bandwidth', everything(), ', all'],
    ] as const) {
      const lines = measured(title, more);
      for (const command of ['ADD', 'DEL']) {
        const phases = medians(lines.filter(({ verb }) => verb === command));
        console.log(`\n${command}, ${title}\n${withShares(phases)}`);
        if (column !== undefined) {
          columns.push([`${command}${column}`, phases]);
        }
      }
    }
    console.log(`\n${markdown(columns)}`);
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

function medians(lines: readonly Line[]): Phases {
  const names = Object.keys(lines[0]?.trace ?? {});
  return Object.fromEntries(
    names.map((name) => [name, median(lines.map(({ trace }) => trace[name] ?? 0))] as const),
  );
}

/** Adds up the medians: the median of the whole includes waits for kernel locks that other programs held. */
const sumOf = (phases: Phases): number => Object.values(phases).reduce((total, ms) => total + ms, 0);

function withShares(phases: Phases): string {
  const sum = sumOf(phases);
  const rows = Object.entries(phases).map(([name, ms]) => [
    name,
    ms.toFixed(2),
    `${Math.round((100 * ms) / sum)} %`,
  ]);
  return table([['phase', 'ms', 'share'], ...rows, ['sum', sum.toFixed(2), '']]);
}

function markdown(columns: readonly (readonly [title: string, phases: Phases])[]): string {
  const names = new Set([...Object.keys(WHAT), ...columns.flatMap(([, phases]) => Object.keys(phases))]);
  const rows = [...names].map((name) => [
    name,
    ...columns.map(([, phases]) => phases[name]?.toFixed(2) ?? ''),
    name in WHAT ? WHAT[name as keyof typeof WHAT] : '',
  ]);
  const head = ['phase', ...columns.map(([title]) => title), 'what'];
  const sums = ['sum', ...columns.map(([, phases]) => sumOf(phases).toFixed(2)), ''];
  const all = [head, ...rows, sums];
  const widths = head.map((_, i) => Math.max(...all.map((row) => (row[i] as string).length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] as number)).join(' | ')} |`;
  const rule = line(widths.map((width) => '-'.repeat(width)));
  return [line(head), rule, ...[...rows, sums].map(line)].join('\n');
}

main();
