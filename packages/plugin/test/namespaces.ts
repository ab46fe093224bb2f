/** Temporary pod namespaces, and the node's links, by an operator's tools. */
import { sys } from '@cnikit/sys';

/** Runs a program, and throws its output when it fails. Cheaper than Node's own, which forks the test. */
export function run(...argv: [string, ...string[]]): string {
  const done = sys.run(argv);
  if (done.status !== 0) {
    throw new Error(`${argv.join(' ')}: ${done.stderr || done.stdout}`);
  }
  return done.stdout;
}

// biome-ignore lint/suspicious/noExplicitAny: ip's JSON has many shapes
export function ipJson(...argv: string[]): any[] {
  const out = run('ip', '-j', ...argv);
  // ip prints `{}` for links it filters out itself, which it does when the kernel module of that kind is not loaded.
  const all: object[] = out.trim() === '' ? [] : JSON.parse(out);
  return all.filter((one) => Object.keys(one).length > 0);
}

/** A namespace under /run/netns, until `remove`. */
export interface Pod {
  name: string;
  path: string;
  /** Runs a program in the namespace. */
  run(...argv: [string, ...string[]]): string;
  /** Deletes the namespace; idempotent. */
  remove(): void;
}

let count = 0;

export function makePod(): Pod {
  const name = `pod${process.pid}-${count++}`;
  let there = true;
  run('ip', 'netns', 'add', name);
  return {
    name,
    path: `/run/netns/${name}`,
    run: (...argv) => run('ip', 'netns', 'exec', name, ...argv),
    remove() {
      if (there) {
        run('ip', 'netns', 'del', name);
      }
      there = false;
    },
  };
}

/** Names of the veth interfaces on the node. */
export function hostVeths(): string[] {
  return ipJson('link', 'show', 'type', 'veth').map((link) => link.ifname);
}
