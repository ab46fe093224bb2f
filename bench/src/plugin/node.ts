/** The node that the plugin's benchmarks run on: network namespaces for pods, what is installed, what to clear away. */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';

/** Where Debian installs the reference plugins. */
export const REFERENCE = '/usr/lib/cni';

/** Where every contender keeps its reservations: a tmpfs, so that a disk plays no part. */
export const DATA_DIR = '/run/cnikit-bench';

export function requireSandbox(): void {
  if (process.env.CNIKIT_SANDBOX !== '1') {
    throw new Error('Run it by `npm run bench -- NAME`, in namespaces of its own');
  }
}

export function ip(...argv: string[]): void {
  const done = spawnSync('ip', argv, { encoding: 'utf8' });
  if (done.status !== 0) {
    throw new Error(`ip ${argv.join(' ')}: ${done.stderr}`);
  }
}

/** The path of a namespace for a pod, made if it is missing. */
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

/** What the reference is here: its own word, and the package's version. */
export function referenceVersion(): string {
  const own = spawnSync(`${REFERENCE}/bridge`, [], { encoding: 'utf8', env: {} }).stderr.split('\n')[0] ?? '';
  const { stdout } = spawnSync('dpkg-query', ['--show', 'containernetworking-plugins'], { encoding: 'utf8' });
  return [own.trim(), stdout?.trim().replace('\t', ' ')].filter(Boolean).join(', ');
}
