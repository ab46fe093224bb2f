/** Temporary pod namespaces, and the node's links. */
import { createNetns, deleteNetns, delLinkGroup, openRtnetlink, setLink } from '@cnikit/netlink';
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
  return {
    name,
    path: createNetns(name),
    run: (...argv) => run('ip', 'netns', 'exec', name, ...argv),
    remove() {
      if (there) {
        deleteNetns(name);
      }
      there = false;
    },
  };
}

/** Names of the veth interfaces on the node. */
export function hostVeths(): string[] {
  return linkNames('veth');
}

/** Names of the links of a kind on the node, by default of all links. */
export function linkNames(kind?: string): string[] {
  const route = openRtnetlink();
  const links = route.links(kind === undefined ? {} : { kind });
  route.close();
  return links.map(({ name }) => name);
}

/** A group that no plugin uses. */
const DELETED = 0x64656c;

/**
 * Deletes all links of these kinds from the node, in the time that the kernel takes for one. Those of a namespace that
 * has just ended may disappear before.
 */
export function deleteLinks(...kinds: string[]): void {
  const route = openRtnetlink();
  const doomed = route.links().filter(({ kind }) => kind !== undefined && kinds.includes(kind));
  const failures = route.batchSettled([
    ...doomed.map(({ index }) => setLink({ index, group: DELETED })),
    ...(doomed.length > 0 ? [delLinkGroup(DELETED)] : []),
  ]);
  route.close();
  const serious = failures.find(({ code }) => code !== 'ENODEV');
  if (serious !== undefined) {
    throw serious;
  }
}
