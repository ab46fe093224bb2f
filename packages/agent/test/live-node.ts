/** The sandbox's own network namespace as node n1, and the means to look at it and to hurt it. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ApiServer, startApiServer } from '@cnikit/apiserver-fake';
import { delLink, newAddress, newLink, newRoute, openRtnetlink } from '@cnikit/netlink';
import { sys } from '@cnikit/sys';
import { vi } from 'vitest';
import { CniFiles } from '../src/apply/cni-files.ts';
import { openKernel } from '../src/apply/netlink-kernel.ts';
import { createRules } from '../src/apply/rules.ts';
import { openSets } from '../src/apply/sets.ts';
import type { KernelAction } from '../src/core/action.ts';
import type { Kernel } from '../src/core/kernel.ts';
import { Metrics } from '../src/core/metrics.ts';
import type { Layout } from '../src/core/model.ts';
import { after } from '../src/core/timers.ts';
import { loadKubeConfig } from '../src/kube/api.ts';
import { followNodes, Outage, watchNodes } from '../src/observe/nodes.ts';
import { ruleChanges } from '../src/observe/rule-changes.ts';
import { Agent } from '../src/reconcile/agent.ts';

/** Runs a program and returns what it printed; throws when it fails. Cheaper than Node's own, which forks the test. */
export const run = (...argv: [string, ...string[]]): string => runWithInput(argv, '');

/** As `run`, with the standard input of the program. */
export function runWithInput(argv: [string, ...string[]], text: string): string {
  const { status, stdout, stderr } = sys.run(argv, { input: text });
  if (status !== 0) {
    throw new Error(`${argv.join(' ')}: ${stderr}`);
  }
  return stdout;
}

/** The agent's routes to other nodes, as `dst via hop`, sorted. */
export function ownRoutes(): string[] {
  using rt = openRtnetlink();
  return rt
    .routes({ table: 254, protocol: 201 })
    .filter(({ type }) => type === 'unicast')
    .map(({ dst, via }) => `${dst} via ${via}`)
    .sort();
}

export function routesTo(...numbers: number[]): string[] {
  return numbers
    .flatMap((n) => [`10.244.${n}.0/24 via 192.0.2.${n}`, `fd00:10:244:${n}::/64 via 2001:db8::${n}`])
    .sort();
}

/** eth0 with both families and default routes; its other end swallows everything. */
export function makeLink(): void {
  using rt = openRtnetlink();
  rt.request(newLink({ kind: 'veth', name: 'eth0', up: true, peer: { name: 'cable', mtu: 1500 } }));
  run('ip', 'link', 'set', 'cable', 'up');
  const { index } = rt.link({ name: 'eth0' })!;
  rt.request(newAddress({ index, address: '192.0.2.1/24' }));
  rt.request(newAddress({ index, address: '2001:db8::1/64', nodad: true }));
  rt.request(newRoute({ dst: 'default', via: '192.0.2.254' }));
  rt.request(newRoute({ dst: 'default', via: '2001:db8::fe', oif: index }));
}

export function removeLink(): void {
  using rt = openRtnetlink();
  rt.request(delLink({ name: 'eth0' }));
  for (const family of ['-4', '-6']) {
    run('ip', family, 'route', 'flush', 'proto', '201');
  }
}

/** `v1.Node` number `n`. */
export function nodeObject(n: number, podCIDRs = [`10.244.${n}.0/24`, `fd00:10:244:${n}::/64`]) {
  return {
    metadata: { name: `n${n}` },
    spec: { podCIDRs },
    status: {
      addresses: [`192.0.2.${n}`, `2001:db8::${n}`].map((address) => ({ type: 'InternalIP', address })),
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  };
}

export interface LiveNode {
  api: ApiServer;
  dir: string;
  kubeconfig: string;
  /** The executable that agents started later install: none at first. */
  pluginBinary: string;
  pluginLinks: string[];
  /** Layout of agents started later; undefined: the default. */
  layout: Layout | undefined;
  stateDir: string;
  confDir: string;
  binDir: string;
  lines: string[];
  /** Every batch that any agent wrote. */
  writes: KernelAction[][];
  start(): RunningAgent;
  close(): Promise<void>;
}

export interface RunningAgent {
  agent: Agent;
  metrics: Metrics;
  stop(): Promise<void>;
}

export async function liveNode(...numbers: number[]): Promise<LiveNode> {
  makeLink();
  // The sandbox's own: nothing stays on the machine, even when the run is killed.
  const dir = mkdtempSync('/run/cnikit-agent-');
  const [kubeconfig, pluginBinary] = [join(dir, 'kubeconfig'), join(dir, 'plugin')];
  const [confDir, binDir] = [join(dir, 'net.d'), join(dir, 'bin')];
  const api = await startApiServer({
    rbacFile: fileURLToPath(new URL('../../../deploy/base/rbac.yaml', import.meta.url)),
    nodes: numbers.map((n) => nodeObject(n)) as never,
  });
  writeFileSync(kubeconfig, api.kubeconfig());
  const kubeConfig = await loadKubeConfig({ kubeconfig }, {});
  writeFileSync(pluginBinary, '#!/bin/sh\n');
  const lines: string[] = [];
  const writes: KernelAction[][] = [];
  const running = new Set<RunningAgent>();
  const stateDir = join(dir, 'state');
  const files = { kubeconfig, pluginBinary, pluginLinks: [], layout: undefined, stateDir, confDir, binDir };
  const node: LiveNode = { api, dir, ...files, lines, writes, start, close };
  return node;

  function start(): RunningAgent {
    const ended = new AbortController();
    const log = {
      info: (_: object, message: string) => void lines.push(message),
      warn: (_: object, message: string) => void lines.push(`warning: ${message}`),
    };
    const metrics = new Metrics();
    const kernel: Kernel = openKernel();
    const cni = new CniFiles({ confDir, binDir, pluginBinary: node.pluginBinary, links: node.pluginLinks });
    const write = kernel.write;
    kernel.write = (actions) => {
      writes.push([...actions]);
      return write(actions);
    };
    const sets = openSets();
    const deps = { kernel, log, metrics, after, rules: createRules({}), sets, cni };
    const options = { nodeName: 'n1', nonMasquerade: [], stateDir, resyncMs: 3_600_000, layout: node.layout };
    const agent = new Agent(deps, options);
    const outage = new Outage(log, metrics, after);
    const nodes = followNodes(watchNodes(kubeConfig, metrics, ended.signal), agent, outage);
    const events = (async () => {
      for await (const event of kernel.events(ended.signal)) {
        agent.onKernel(event);
      }
    })();
    const rules = (async () => {
      for await (const _ of ruleChanges(ended.signal)) {
        agent.checkRules();
      }
    })();
    const started: RunningAgent = {
      agent,
      metrics,
      stop: async () => {
        running.delete(started);
        ended.abort();
        agent.close();
        outage.close();
        await Promise.all([nodes, events, rules]);
        kernel.close();
      },
    };
    running.add(started);
    return started;
  }

  async function close(): Promise<void> {
    for (const each of [...running]) {
      await each.stop();
    }
    await api.close();
    removeLink();
    for (const command of ['iptables-restore', 'ip6tables-restore']) {
      runWithInput([command], '*filter\nCOMMIT\n*nat\nCOMMIT\n');
    }
    run('ipset', 'destroy');
    rmSync(dir, { recursive: true });
  }
}

/** Kills processes, and returns once they have ended: until then they may write to files and the kernel. */
export async function endAll(children: Iterable<ChildProcess>): Promise<void> {
  const ended = [...children].map(async (child) => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });
  await Promise.all(ended);
}

/** Waits until `check` does not throw. */
export const eventually = (check: () => void): Promise<void> =>
  vi.waitFor(check, { timeout: 30_000, interval: 5 });

export const readConflist = ({ confDir }: LiveNode) =>
  JSON.parse(readFileSync(join(confDir, '05-cnikit.conflist'), 'utf8')) as Record<string, unknown>;
