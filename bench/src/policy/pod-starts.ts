/** Measures when allowed packets of pods pass that start under a policy which denies the others. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { executablePath } from '@cnikit/plugin';
import { nodeName, routesTo, startAgent, startServer } from '../agent/cluster.ts';
import { compiled } from '../lib/exec-timer.ts';
import { goalCells } from '../lib/goals.ts';
import { quantile, table } from '../lib/statistics.ts';
import { podNetns } from '../plugin/node.ts';

/** Ports of bench/native/pod-start.c. */
const ALLOWED = 20_009;
const NAMESPACE = 'bench';
/** Index of the first network namespace. */
const FIRST = 300;
const POLL_MS = 20;
const LIMIT_MS = 30_000;

/** Pods that started under a policy. */
interface PodStarts {
  /** For each pod, ms from the end of ADD until allowed packets pass in both directions; 0 if they did before. */
  opened: number[];
  /** ADDs that ended before the agent answered. */
  unanswered: number;
  deniedSent: number;
  deniedArrived: number;
}

const PODS = 100;
const GOAL_MS = 100;

/** Prints when allowed packets of new pods pass, and how many denied packets do. */
export async function podStarts(): Promise<void> {
  const rows: string[][] = [
    ['', 'median', '95 %', 'most', 'goal', '', 'ADDs without answer', 'denied packets that arrived'],
  ];
  for (const [title, parallel] of [
    ['one after another', 1],
    ['all at once', PODS],
  ] as const) {
    const { opened, unanswered, deniedSent, deniedArrived } = await measurePodStarts(PODS, parallel);
    const ms = (value: number) => `${value.toFixed(1)} ms`;
    rows.push([
      title,
      ...[0.5, 0.95].map((p) => ms(quantile(opened, p))),
      ...goalCells(quantile(opened, 1), GOAL_MS, ms),
      String(unanswered),
      `${deniedArrived} of ${deniedSent}`,
    ]);
  }
  console.log(
    `\n${PODS} pods start under a policy that denies, and one that allows; from the end of ADD until allowed packets pass\n`,
  );
  console.log(table(rows));
}

/**
 * Starts `pods` pods of a node, `parallel` at a time. A policy isolates them, another allows one port of one neighbour.
 *
 * @throws {Error} when a pod does not start, or its allowed packets do not pass within a minute
 */
async function measurePodStarts(pods: number, parallel: number): Promise<PodStarts> {
  const dir = mkdtempSync('/run/cnikit-bench-');
  const server = await startServer(1);
  const put = (resource: string, object: object) => server.control.call('put', resource, object);
  const names = Array.from({ length: pods + 1 }, (_, i) => `bench${FIRST + i}`);
  try {
    await put('namespaces', { metadata: { name: NAMESPACE } });
    for (const policy of policies(names[0]!)) {
      await put('networkpolicies', policy);
    }
    for (const name of names) {
      await put('pods', {
        metadata: { name, namespace: NAMESPACE, uid: `uid-${name}`, labels: { name } },
        spec: { nodeName: nodeName(1), containers: [] },
        status: { phase: 'Pending' },
      });
    }
    const [confDir, binDir] = [join(dir, 'net.d'), join(dir, 'bin')];
    const flags = {
      'plugin-binary': executablePath(),
      'cni-conf-dir': confDir,
      'cni-bin-dir': binDir,
      'cni-cache-dir': join(dir, 'cache'),
    };
    const agent = await startAgent(
      [],
      ['--network-policy', ...Object.entries(flags).map(([name, value]) => `--${name}=${value}`)],
    );
    try {
      const input = join(dir, 'input');
      writeFileSync(input, JSON.stringify(await configuration(join(confDir, '05-cnikit.conflist'))));
      const [neighbour, ...others] = names.map((_, i) => podNetns(FIRST + i));
      const plugin = join(binDir, 'cnikit');
      const first = add(plugin, input, neighbour!);
      const next = first.replace(/\d+$/, (host) => String(Number(host) + 1));
      return run([String(parallel), neighbour!, next, plugin, input, ...others]);
    } finally {
      await agent.stop();
    }
  } finally {
    for (const name of names) {
      spawnSync('ip', ['netns', 'delete', name]);
    }
    await server.stop();
    rmSync(dir, { recursive: true });
  }
}

/** One policy isolates all pods but the neighbour, the other allows a port from and to the neighbour. */
function policies(neighbour: string): object[] {
  const peers = [{ podSelector: { matchLabels: { name: neighbour } } }];
  const ports = [{ protocol: 'UDP', port: ALLOWED }];
  const policy = (name: string, more: object) => ({
    metadata: { name, namespace: NAMESPACE },
    spec: {
      podSelector: { matchExpressions: [{ key: 'name', operator: 'NotIn', values: [neighbour] }] },
      policyTypes: ['Ingress', 'Egress'],
      ...more,
    },
  });
  return [
    policy('deny', {}),
    policy('allow', { ingress: [{ from: peers, ports }], egress: [{ to: peers, ports }] }),
  ];
}

/** Waits until the agent writes the plugin's configuration with `policy`. Returns it. */
async function configuration(conflist: string): Promise<object> {
  for (const until = performance.now() + LIMIT_MS; performance.now() < until; await pause(POLL_MS)) {
    if (existsSync(conflist)) {
      const { cniVersion, name, plugins } = JSON.parse(readFileSync(conflist, 'utf8'));
      if (plugins[0].policy !== undefined) {
        return { ...plugins[0], cniVersion, name };
      }
    }
  }
  throw new Error(`The agent has written no ${conflist} with policy within ${LIMIT_MS / 1000} s`);
}

const environment = () => ({ CNI_COMMAND: 'ADD', CNI_IFNAME: 'eth0', CNI_PATH: '/nonexistent' });

/** Attaches the neighbour. Returns its IPv4 address. */
function add(plugin: string, input: string, netns: string): string {
  const id = netns.split('/').at(-1)!;
  const { status, stdout } = spawnSync(plugin, {
    input: readFileSync(input),
    encoding: 'utf8',
    env: {
      ...environment(),
      CNI_CONTAINERID: id,
      CNI_NETNS: netns,
      CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=${NAMESPACE};K8S_POD_NAME=${id};K8S_POD_UID=uid-${id}`,
    },
  });
  if (status !== 0) {
    throw new Error(`ADD of the neighbour: ${stdout}`);
  }
  const { ips } = JSON.parse(stdout) as { ips: { address: string }[] };
  const [prefix] = routesTo(1).map(({ dst }) => dst.replace(/\.0\/24$/, '.'));
  const found = ips.map(({ address }) => address.split('/', 1)[0]!).find((one) => one.startsWith(prefix!));
  if (found === undefined) {
    throw new Error(`The neighbour has no IPv4 address of ${prefix}0/24: ${stdout}`);
  }
  return found;
}

function run(argv: readonly string[]): PodStarts {
  const { status, stdout, stderr } = spawnSync(compiled('pod-start'), argv, {
    encoding: 'utf8',
    env: environment(),
  });
  if (status !== 0) {
    throw new Error(`pod-start: ${stderr}`);
  }
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => line.split(' ').map(Number));
  const [deniedSent = 0, deniedArrived = 0] = lines.pop()!;
  const opened = lines.map(([into = 0, out = 0]) => Math.max(0, into, out) / 1e6);
  const unanswered = stderr.split('\n').filter((line) => line.includes('has no network until')).length;
  return { opened, unanswered, deniedSent, deniedArrived };
}
