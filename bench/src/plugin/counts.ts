/** Runs one command of the plugin under a tracer, in a network that has another pod. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DATA_DIR, podNetns } from './node.ts';

/** `DEL without a result` is that of a runtime that does not pass what ADD returned. */
export const COMMANDS = ['VERSION', 'ADD', 'DEL', 'DEL without a result'] as const;

/** A row of the table. */
export interface Counted {
  /** Key of {@link NETWORKS}. */
  network: string;
  command: (typeof COMMANDS)[number];
}

const EVERYTHING = {
  ipMasq: true,
  capabilities: { portMappings: true, bandwidth: true },
  runtimeConfig: {
    portMappings: [{ hostPort: 18080, containerPort: 80, protocol: 'tcp' }],
    bandwidth: { ingressRate: 1e8, ingressBurst: 1e7, egressRate: 1e8, egressBurst: 1e7 },
  },
};

/** Fields of the configuration, by name of the network. */
export const NETWORKS: Readonly<
  Record<string, { dualStack?: true; runtimeConfig?: object; [field: string]: unknown }>
> = {
  bridge: {},
  'bridge, dual stack': { dualStack: true },
  routed: { layout: 'routed' },
  'routed, dual stack': { layout: 'routed', dualStack: true },
  'bridge + ipMasq': { ipMasq: true },
  'bridge + ipMasq + portMappings + bandwidth': EVERYTHING,
};

/** Runs a program in a tracer and returns what it counted. */
export type Tracer = (run: (argv: readonly string[], descriptor9?: number) => void) => number;

/** Counts system calls, with those of child processes. */
export const systemCalls: Tracer = (run) =>
  inFolder((folder) => {
    run(['strace', '-f', '-qq', '-e', 'signal=none', '-o', join(folder, 'calls')]);
    const lines = readFileSync(join(folder, 'calls'), 'utf8').trimEnd().split('\n');
    return lines.filter((line) => !line.includes('resumed>')).length;
  });

/** Counts instructions in user space, without those of the child that sends a deletion. */
export const instructions: Tracer = (run) =>
  inFolder((folder) => {
    const log = join(folder, 'log');
    run([
      'valgrind',
      '--tool=callgrind',
      '--callgrind-out-file=/dev/null',
      '--child-silent-after-fork=yes',
      `--log-file=${log}`,
    ]);
    return Number(/Collected : (\d+)/.exec(readFileSync(log, 'utf8'))?.[1]);
  });

/** Calls `body` with a temporary folder. */
export function inFolder<T>(body: (folder: string) => T): T {
  const folder = mkdtempSync(`${DATA_DIR}/trace-`);
  try {
    return body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

let pods = 0;

/** Returns what `tracer` counts of the row's command, by `program`. */
export function inNetwork({ network, command }: Counted, program: string, tracer: Tracer): number {
  const { dualStack, runtimeConfig, ...more } = NETWORKS[network] ?? {};
  const [first, second] = [pods, pods + 1];
  pods += 2;
  const name = `counts${first}`;
  // Networks have separate subnets: the bridges of earlier ones exist.
  const ranges = [
    [{ subnet: `10.${first}.0.0/16` }],
    ...(dualStack ? [[{ subnet: `fd00:${first}::/64` }]] : []),
  ];
  const conf = {
    cniVersion: '1.0.0',
    name,
    type: 'cnikit',
    bridge: name,
    isDefaultGateway: true,
    ...more,
    ipam: { type: 'host-local', dataDir: `${DATA_DIR}/${name}`, ranges },
  };
  const invoke = (
    verb: string,
    pod: number,
    input: object,
    argv: readonly string[] = [],
    descriptor9?: number,
  ) => {
    const [command = '', ...args] = [...argv, program];
    const done = spawnSync(command, args, {
      input: JSON.stringify(input),
      env: {
        CNI_COMMAND: verb,
        CNI_CONTAINERID: `pod${pod}`,
        CNI_NETNS: podNetns(pod),
        CNI_IFNAME: 'eth0',
        CNI_PATH: '/opt/cni/bin',
        PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      },
      stdio: ['pipe', 'pipe', 'pipe', ...new Array(6).fill('ignore'), descriptor9 ?? 'ignore'],
      encoding: 'utf8',
    });
    if (done.status !== 0) {
      throw new Error(
        `${[command, ...args].join(' ')}: ${done.error?.message ?? `${done.stdout}${done.stderr}`}`,
      );
    }
    return done.stdout;
  };
  // The other pod has other host ports.
  invoke('ADD', first, conf);
  const input = runtimeConfig === undefined ? conf : { ...conf, runtimeConfig };
  const prevResult = command.startsWith('DEL') ? JSON.parse(invoke('ADD', second, input)) : undefined;
  const [verb = ''] = command.split(' ');
  const counted = command === 'DEL' ? { ...input, prevResult } : input;
  const count = tracer((argv, descriptor9) => invoke(verb, second, counted, argv, descriptor9));
  for (const pod of [second, first]) {
    invoke('DEL', pod, conf);
  }
  return count;
}
