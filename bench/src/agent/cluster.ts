/** Environment of the agent's benchmark: a node's network, an API server in another process, and the agent. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type ControlClient, controlClient } from '@cnikit/apiserver-fake';
import { newAddress, newLink, newRoute, openRtnetlink, setLink } from '@cnikit/netlink';
import { nodeObject as cloudNode } from '../watch/nodes.ts';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
/** The agent of this build. */
export const PROGRAM = path('../../../packages/agent/dist/cnikit-agent.js');
const serverProgram = path('../../../packages/apiserver-fake/src/cli.ts');
/** Directory of a pod's credentials. In the sandbox /run is a separate file system. */
export const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

export const nodeName = (n: number): string => `node-${n}`;
const hex = (n: number): string => n.toString(16);

/** Returns the routes to node `n`: dual stack, all nodes on one link. */
export function routesTo(n: number): { dst: string; via: string }[] {
  return [
    { dst: `10.${128 + (n >> 8)}.${n & 255}.0/24`, via: `10.16.${n >> 8}.${n & 255}` },
    { dst: `fd00:10:244:${hex(n)}::/64`, via: `2001:db8::${hex(n)}` },
  ];
}

/** Returns a Node of 10 kB, the usual size in clouds. */
export function nodeObject(n: number) {
  const made = cloudNode(n);
  const routes = routesTo(n);
  return {
    ...made,
    metadata: { ...made.metadata, name: nodeName(n) },
    spec: { ...made.spec, podCIDR: routes[0]!.dst, podCIDRs: routes.map(({ dst }) => dst) },
    status: { ...made.status, addresses: routes.map(({ via }) => ({ type: 'InternalIP', address: via })) },
  };
}

/** Creates eth0 of node 1, whose peer drops all packets. Returns its index. */
export function setUpNetwork(): number {
  using rt = openRtnetlink();
  rt.request(newLink({ kind: 'veth', name: 'eth0', up: true, peer: { name: 'cable', mtu: 1500 } }));
  rt.request(setLink({ name: 'cable', up: true }));
  const { index } = rt.link({ name: 'eth0' })!;
  rt.request(newAddress({ index, address: '10.16.0.1/16' }));
  rt.request(newAddress({ index, address: '2001:db8::1/64', nodad: true }));
  rt.request(newRoute({ dst: 'default', via: '10.16.255.254' }));
  rt.request(newRoute({ dst: 'default', via: '2001:db8::fffe', oif: index }));
  return index;
}

export interface Server {
  control: ControlClient;
  stop(): Promise<void>;
}

/** Starts an API server with nodes 1 to `count` and writes its credentials to the directory of a pod. */
export async function startServer(count: number): Promise<Server> {
  const dir = mkdtempSync('/run/cnikit-bench-');
  const file = (name: string): string => join(dir, name);
  writeFileSync(
    file('nodes.json'),
    JSON.stringify(Array.from({ length: count }, (_, i) => nodeObject(i + 1))),
  );
  const argv = [
    '--nodes',
    file('nodes.json'),
    '--control',
    file('control'),
    '--kubeconfig',
    file('kubeconfig'),
  ];
  const child = spawn(process.execPath, ['--conditions=@cnikit/source', serverProgram, ...argv], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((done) => child.once('exit', done));
  await firstLine(child);
  const control = controlClient(file('control'));
  const { caCert, token, port } = await control.call<{ caCert: string; token: string; port: number }>('info');
  mkdirSync(SERVICE_ACCOUNT, { recursive: true });
  writeFileSync(join(SERVICE_ACCOUNT, 'token'), token);
  writeFileSync(join(SERVICE_ACCOUNT, 'ca.crt'), caCert);
  process.env.KUBERNETES_SERVICE_HOST = '127.0.0.1';
  process.env.KUBERNETES_SERVICE_PORT = String(port);
  return {
    control,
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
      rmSync(dir, { recursive: true });
    },
  };
}

function firstLine(child: ChildProcess): Promise<unknown> {
  return new Promise((done, fail) => {
    createInterface({ input: child.stdout! }).once('line', done);
    child.once('exit', (code) => fail(new Error(`The API server exited with status ${code}`)));
  });
}

/**
 * Returns the path of a copy of a built agent with the code of V8 that the build of the image saves. Older builds save
 * none and stay where they are.
 */
export function asInImage(program: string): string {
  const from = dirname(program);
  if (!existsSync(join(from, 'cnikit-agent-program.cjs'))) {
    return program;
  }
  const dir = mkdtempSync('/run/cnikit-bench-');
  process.once('exit', () => rmSync(dir, { recursive: true }));
  cpSync(from, dir, { recursive: true });
  const copy = join(dir, basename(program));
  execFileSync(process.execPath, [copy, 'code-cache']);
  return copy;
}

/** Options of Node that deploy/image sets. */
const IMAGE_ENV = { NODE_ENV: 'production', MALLOC_ARENA_MAX: '1' };

export interface RunningAgent {
  pid: number;
  /** Milliseconds until the conflist exists. */
  readyMs: number;
  /** Processor time until then, in milliseconds. */
  readyCpuMs: number;
  /** Current and peak RSS in MB. */
  memory(): { rss: number; peak: number };
  /** Processor time so far, in milliseconds. */
  cpuMs(): number;
  stop(): Promise<void>;
}

/** Starts a built `cnikit-agent run` as node 1 in a pod. */
export async function startAgent(
  nodeOptions: readonly string[] = [],
  options: readonly string[] = [],
  program = PROGRAM,
): Promise<RunningAgent> {
  const dir = mkdtempSync('/run/cnikit-bench-');
  writeFileSync(join(dir, 'plugin'), '#!/bin/sh\n');
  const argv = Object.entries({
    'node-name': nodeName(1),
    'plugin-binary': join(dir, 'plugin'),
    'cni-bin-dir': join(dir, 'bin'),
    'cni-conf-dir': join(dir, 'net.d'),
    'state-dir': join(dir, 'state'),
    'health-address': '127.0.0.1:0',
  }).map(([name, value]) => `--${name}=${value}`);
  const started = performance.now();
  const child = spawn(process.execPath, [...nodeOptions, program, 'run', ...argv, ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...IMAGE_ENV },
  });
  const ended = new Promise((done) => child.once('exit', done));
  const readyMs = await new Promise<number>((done, fail) => {
    createInterface({ input: child.stdout! }).on('line', (line) => {
      if (line.includes('The data path is programmed')) {
        done(performance.now() - started);
      }
    });
    child.once('exit', (code) => fail(new Error(`The agent exited with status ${code}`)));
  });
  const cpuMs = (): number => {
    // utime and stime in ticks of 10 ms, after the name in parentheses, which may contain any character.
    const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10;
  };
  const readyCpuMs = cpuMs();
  const status = (): string => readFileSync(`/proc/${child.pid}/status`, 'utf8');
  const megabytes = (name: string): number =>
    Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status())![1]) / 1024);
  return {
    pid: child.pid!,
    readyMs,
    readyCpuMs,
    memory: () => ({ rss: megabytes('VmRSS'), peak: megabytes('VmHWM') }),
    cpuMs,
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
      rmSync(dir, { recursive: true });
    },
  };
}
