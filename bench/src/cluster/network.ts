/** The two networks under test, and what their processes cost. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { nodeNames, readyNodes } from '../../../e2e/src/cluster.ts';
import type { Kubelab } from '../../../e2e/src/kubelab.ts';
import { waitFor } from '../../../e2e/src/wait.ts';

export type Side = 'cnikit' | 'upstream';
export const NODE = 'n1';
/** Folder of the counting stand-ins on the node; see bench/native/counted-plugin.c. */
export const COUNTERS = '/opt/cni/count';
/**
 * The counted plugins. Upstream's bridge runs host-local and includes its costs. loopback, which containerd runs on both
 * sides, is not counted.
 */
const PLUGINS: Record<Side, readonly string[]> = {
  cnikit: ['cnikit'],
  upstream: ['bridge', 'portmap'],
};

export interface Setup {
  lab: Kubelab;
  repository: string;
  /** Archive of the agent's image. */
  archive: string;
  /** The compiled stand-in. */
  counter: string;
  /** Folder with upstream's plugins. */
  upstream: string;
}

/** Installs a network on the node and waits until the node is Ready. */
export async function install(side: Side, setup: Setup): Promise<void> {
  const { lab, repository, archive, counter, upstream } = setup;
  const sh = (script: string, ...args: string[]) => checked(lab, 'sh', '-euc', script, ...args);
  sh('mkdir -p "$0"; ln -sf "$1" "$0/.procs"', COUNTERS, join(controlGroup(), 'cgroup.procs'));
  sh('for name in $2; do cp "$1" "$0/$name"; done', COUNTERS, counter, PLUGINS[side].join(' '));
  sh('mkdir -p /opt/cni/bin /etc/cni/net.d; cp "$0/loopback" /opt/cni/bin', upstream);
  if (side === 'cnikit') {
    lab.machines.load(archive);
    lab.kubectl('apply', '-k', join(repository, 'deploy/base'));
  } else {
    sh('for name in bridge portmap host-local; do cp "$0/$name" /opt/cni/bin; done', upstream);
    const subnet = lab.kubectl('get', 'node', NODE, '-o', 'jsonpath={.spec.podCIDR}');
    sh('printf %s "$0" > /etc/cni/net.d/10-upstream.conflist', upstreamList(subnet));
  }
  await waitFor('the node to be Ready', () => (readyNodes(lab).includes(NODE) ? true : undefined));
  if (nodeNames(lab).length !== 1) {
    throw new Error('The benchmark needs a cluster of one node');
  }
}

/** Upstream's plugins as cnikit's agent configures its own, without masquerading, which a daemon does. */
function upstreamList(subnet: string): string {
  const ipam = { type: 'host-local', ranges: [[{ subnet }]], routes: [{ dst: '0.0.0.0/0' }] };
  return JSON.stringify({
    cniVersion: '1.1.0',
    name: 'upstream',
    plugins: [
      { type: 'bridge', bridge: 'cni0', isGateway: true, hairpinMode: true, ipam },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  });
}

export interface Costs {
  /** Processor seconds of the plugins and the programs that they start. */
  pluginSeconds: number;
  /** Processor seconds of the agent's pod; 0 without an agent. */
  agentSeconds: number;
  /** Bytes that plugins and agent passed to write(). */
  bytes: number;
  /** Plugin processes by command. */
  commands: Map<string, number>;
}

/** Returns the costs since the network was installed. */
export function costs(side: Side, lab: Kubelab): Costs {
  const lines = lab.machines.exec(NODE, 'cat', `${COUNTERS}/.log`).stdout.trim().split('\n').filter(Boolean);
  const commands = new Map<string, number>();
  let bytes = 0;
  for (const line of lines) {
    const [, command = '', written = ''] = line.split(' ');
    commands.set(command, (commands.get(command) ?? 0) + 1);
    bytes += Number(written);
  }
  const agent = side === 'cnikit' ? agentCosts(lab) : { seconds: 0, bytes: 0 };
  return {
    pluginSeconds: seconds(controlGroup()),
    agentSeconds: agent.seconds,
    bytes: bytes + agent.bytes,
    commands,
  };
}

function agentCosts(lab: Kubelab): { seconds: number; bytes: number } {
  const selector = ['-l', 'app.kubernetes.io/name=cnikit-agent'];
  const uid = lab.kubectl(
    '-n',
    'kube-system',
    'get',
    'pods',
    ...selector,
    '-o',
    'jsonpath={.items[0].metadata.uid}',
  );
  const group = find(controllerRoot(), `pod${uid}`);
  if (group === undefined) {
    throw new Error(`No control group of the agent's pod ${uid}`);
  }
  const pids = readdirSync(group, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) =>
      readFileSync(join(group, name, 'cgroup.procs'), 'utf8')
        .split('\n')
        .filter(Boolean),
    );
  const bytes = pids.map((pid) =>
    Number(/^wchar: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1] ?? 0),
  );
  return { seconds: seconds(group), bytes: bytes.reduce((sum, one) => sum + one, 0) };
}

const ROOT = '/sys/fs/cgroup';

/** Version 1 has one tree for each controller, version 2 a single tree. */
function controllerRoot(): string {
  return statSync(join(ROOT, 'cgroup.controllers'), { throwIfNoEntry: false }) ? ROOT : join(ROOT, 'cpuacct');
}

/** The control group of the plugins. */
export function controlGroup(): string {
  return join(controllerRoot(), 'cnikit-bench-plugins');
}

function seconds(group: string): number {
  if (controllerRoot() === ROOT) {
    return Number(/^usage_usec (\d+)/m.exec(readFileSync(join(group, 'cpu.stat'), 'utf8'))?.[1]) / 1e6;
  }
  return Number(readFileSync(join(group, 'cpuacct.usage'), 'utf8')) / 1e9;
}

function find(folder: string, name: string): string | undefined {
  for (const entry of readdirSync(folder, { withFileTypes: true }).filter((one) => one.isDirectory())) {
    const path = join(folder, entry.name);
    const found = entry.name === name ? path : find(path, name);
    if (found !== undefined) {
      return found;
    }
  }
  return undefined;
}

function checked(lab: Kubelab, ...argv: string[]): void {
  const { status, stdout, stderr } = lab.machines.exec(NODE, ...argv);
  if (status !== 0) {
    throw new Error(`${argv.join(' ')} failed with status ${status}: ${stderr || stdout}`);
  }
}
