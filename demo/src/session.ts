import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const FILE = fileURLToPath(new URL('../../.cache/demo/kept.json', import.meta.url));

/** Somewhere to look around in. */
export interface KeptPlace {
  name: string;
  kind: 'node' | 'pod' | 'outside';
  /** The process that holds the namespaces, as the sandbox sees it; the outside puts in what it sees itself. */
  pid: number;
  addresses: string[];
  /** A pod's network namespace, in its node. */
  netns?: string;
}

/** A cluster that was left up: told by the demo inside to the commands outside. */
export interface KeptCluster {
  /** Exit status of the demo that made it. */
  status: number;
  places: KeptPlace[];
  /** The process whose end is the end of everything, and when it started, against a number used again. */
  heldBy?: { pid: number; startedAt: string };
}

export function saveKept(cluster: KeptCluster): void {
  mkdirSync(dirname(FILE), { recursive: true });
  writeFileSync(FILE, `${JSON.stringify(cluster, null, 2)}\n`, { mode: 0o600 });
}

/** The cluster that is up now, if one is; with `unheld` also one that has only just been noted. */
export function loadKept({ unheld = false } = {}): KeptCluster | undefined {
  try {
    const cluster: KeptCluster = JSON.parse(readFileSync(FILE, 'utf8'));
    const { heldBy } = cluster;
    if (!heldBy) {
      return unheld ? cluster : undefined;
    }
    return startOf(heldBy.pid) === heldBy.startedAt ? cluster : undefined;
  } catch {
    return undefined;
  }
}

export function forgetKept(): void {
  rmSync(FILE, { force: true });
}

/** When a process started, in clock ticks since boot (proc(5), stat, field 22); undefined when there is none. */
export function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the command in parentheses, and may have spaces and parentheses in it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
