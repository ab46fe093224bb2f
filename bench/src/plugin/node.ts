/** The node of the plugin's benchmarks: network namespaces for pods, installed plugins, cleanup. */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { upstreamPlugins } from '../../../upstream-plugins.ts';

const [newest] = upstreamPlugins();

/** Directory of the reference plugins. */
export const REFERENCE = newest?.dir ?? '/usr/lib/cni';

const { values } = parseArgs({
  options: { against: { type: 'string' }, json: { type: 'string' } },
  strict: false,
});

/** Executable of another build to compare with, of the option --against. */
export const AGAINST = typeof values.against === 'string' ? resolve(values.against) : undefined;
if (AGAINST !== undefined && !existsSync(AGAINST)) {
  console.error(`--against=${values.against}: no such file; give the executable of another build`);
  process.exit(2);
}

/** File for the figures, of the option --json. */
export const JSON_FILE = typeof values.json === 'string' ? resolve(values.json) : undefined;

/** Directory for the reservations of all contenders: a tmpfs, to exclude the disk. */
export const DATA_DIR = '/run/cnikit-bench';

export function requireSandbox(): void {
  if (process.env.CNIKIT_SANDBOX !== '1') {
    throw new Error('The benchmark needs separate namespaces: run npm run bench -- NAME');
  }
}

export function ip(...argv: string[]): void {
  const done = spawnSync('ip', argv, { encoding: 'utf8' });
  if (done.status !== 0) {
    throw new Error(`ip ${argv.join(' ')}: ${done.stderr}`);
  }
}

/** Returns the path of a pod's network namespace, and creates it if necessary. */
export function podNetns(index: number): string {
  const path = `/run/netns/bench${index}`;
  if (!existsSync(path)) {
    ip('netns', 'add', `bench${index}`);
  }
  return path;
}

export function clearNode(): void {
  rmSync(DATA_DIR, { recursive: true, force: true });
}

/** Returns the name and version of the reference. */
export function referenceVersion(): string {
  return `containernetworking/plugins ${newest?.version}`;
}
