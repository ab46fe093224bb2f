/** Runs the examples of the READMEs as programs of the project. */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startApiServer } from '@cnikit/apiserver-fake';
import { exitStatus } from '../../process.mjs';
import type { Package } from './packages.ts';

const SANDBOX = fileURLToPath(new URL('../../sandbox.mjs', import.meta.url));

export interface Example {
  /** The package and the number of the block in its README, such as `netlink-0`. */
  readonly name: string;
  readonly file: string;
}

interface ExampleSetup {
  readonly env?: Record<string, string>;
  readonly input?: string;
  /** Text that the output must contain. The package's own tests compare the whole output with the README. */
  readonly prints?: string;
  /** True if the example does not exit by itself: it passes as soon as it has printed `prints`. */
  readonly endless?: boolean;
  readonly close?: () => Promise<void>;
}

type Prepare = (project: string) => ExampleSetup | Promise<ExampleSetup>;

/** Setups of examples. Other examples need at most the sandbox. */
const SETUPS: Readonly<Record<string, Prepare>> = {
  'apiserver-fake-0': () => ({ prints: 'synced \nadded default/b\n' }),
  'apiserver-fake-1': () => ({ prints: '1\n' }),
  'apiserver-fake-2': () => ({ prints: 'added a\n429\n403\n' }),
  'nft-table': () => ({ prints: 'reloaded' }),
  'ip-clone': () => ({ prints: 'as ip prints' }),
  'bridge-vlans': () => ({ prints: 'VLAN' }),
  'iptables-twice': () => ({ prints: 'nothing to write' }),
  'cni-spec-0': () => ({
    env: { CNI_COMMAND: 'VERSION' },
    input: '{"cniVersion":"1.1.0"}',
    prints: '"supportedVersions"',
  }),
  'cni-spec-1': runtimeFolders,
  'cni-0': (project) => ({
    env: { PLUGIN: join(project, 'node_modules/@cnikit/plugin/build/cnikit') },
    prints: '2 passed, 0 failed',
  }),
  'ipam-1': () => ({ env: { DATA_DIR: '/run/cnikit-example' } }),
  'watch-0': apiServer,
  'watch-1': inCluster,
  'watch-2': inCluster,
  'watch-3': inCluster,
};

/** Writes the TypeScript blocks of the READMEs as files of the project. */
export function writeExamples(packages: readonly Package[], project: string): Example[] {
  return packages.flatMap(({ folder }) => {
    const readme = join(folder, 'README.md');
    const text = existsSync(readme) ? readFileSync(readme, 'utf8') : '';
    return [...text.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code = ''], i) => {
      const name = `${basename(folder)}-${i}`;
      const file = join(project, `${name}.ts`);
      writeFileSync(file, code);
      return { name, file };
    });
  });
}

/** Runs an example in a separate sandbox. Returns the problem, or undefined when it passed. */
export async function runExample(
  { name, file }: Example,
  project: string,
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  const setup = (await SETUPS[name]?.(project)) ?? {};
  try {
    const { status, output } = await runIn(file, project, setup, env);
    if (status !== 0) {
      return `Example ${name} exited with status ${status}\n${output}`;
    }
    const { prints = '' } = setup;
    return output.includes(prints) ? undefined : `Example ${name} did not print ${prints}\n${output}`;
  } finally {
    await setup.close?.();
  }
}

/** An endless one needs no rights, but a way to the API server: it runs outside. */
function runIn(
  file: string,
  project: string,
  { env: more, input = '', prints = '', endless = false }: ExampleSetup,
  env: NodeJS.ProcessEnv,
): Promise<{ status: number; output: string }> {
  const args = endless ? [file] : [SANDBOX, process.execPath, file];
  const child = spawn(process.execPath, args, { cwd: project, env: { ...env, ...more } });
  child.stdin.on('error', () => undefined).end(input);
  let output = '';
  let seen = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
      if (endless && output.includes(prints)) {
        seen = true;
        child.kill();
      }
    });
  }
  const limit = setTimeout(() => child.kill(), 60_000);
  return new Promise((resolve) => {
    child.once('close', (code, signal) => {
      clearTimeout(limit);
      resolve({ status: seen ? 0 : exitStatus(code, signal), output });
    });
  });
}

/** The environment of a pod, for a watch that is created but not read. */
function inCluster(): ExampleSetup {
  return { env: { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: '1' } };
}

/** A configuration and its plugin, which is the README's first example. */
function runtimeFolders(project: string): ExampleSetup {
  const folder = join(project, 'runtime');
  mkdirSync(folder);
  const list = { cniVersion: '1.1.0', name: 'example', plugins: [{ type: 'domain' }] };
  writeFileSync(join(folder, 'example.conflist'), JSON.stringify(list));
  const plugin = join(folder, 'domain');
  writeFileSync(plugin, `#!/bin/sh\nexec '${process.execPath}' '${join(project, 'cni-spec-0.ts')}'\n`);
  chmodSync(plugin, 0o755);
  const env = { CNI_PATH: folder, NETCONFPATH: folder, CACHE_DIR: folder };
  return { env, prints: 'example 1.1.0: ready' };
}

async function apiServer(project: string): Promise<ExampleSetup> {
  const server = await startApiServer({ nodes: [{ metadata: { name: 'n1' } }] });
  const kubeconfig = join(project, 'kubeconfig');
  writeFileSync(kubeconfig, server.kubeconfig());
  return {
    env: { KUBECONFIG: kubeconfig },
    prints: "all nodes: [ 'n1' ]",
    endless: true,
    close: () => server.close(),
  };
}
