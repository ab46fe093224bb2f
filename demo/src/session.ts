import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const FILE = fileURLToPath(new URL('../../.cache/demo/session.json', import.meta.url));

/** A node, a pod or the outside host of a kept cluster. */
export interface SessionNamespace {
  name: string;
  kind: 'node' | 'pod' | 'outside';
  /** Id of the process that holds the namespaces: in the sandbox's PID namespace until main.ts translates it. */
  pid: number;
  addresses: string[];
  /** A pod's network namespace, in its node. */
  netns?: string;
}

/** A cluster that was kept. The demo writes it in the sandbox; the subcommands read it outside. */
export interface Session {
  /** Exit status of the demo. */
  status: number;
  namespaces: SessionNamespace[];
  /** The process that ends the cluster when it exits. Its start time detects a reused process id. */
  heldBy?: { pid: number; startedAt: string };
}

export function saveSession(session: Session): void {
  mkdirSync(dirname(FILE), { recursive: true });
  writeFileSync(FILE, `${JSON.stringify(session, null, 2)}\n`, { mode: 0o600 });
}

/** Returns the running session; with `unheld` also one whose holder is not recorded yet. */
export function loadSession({ unheld = false } = {}): Session | undefined {
  try {
    const session: Session = JSON.parse(readFileSync(FILE, 'utf8'));
    const { heldBy } = session;
    if (!heldBy) {
      return unheld ? session : undefined;
    }
    return startOf(heldBy.pid) === heldBy.startedAt ? session : undefined;
  } catch {
    return undefined;
  }
}

export function deleteSession(): void {
  rmSync(FILE, { force: true });
}

/** Returns the start time of a process in clock ticks since boot (proc(5), stat, field 22), if it exists. */
export function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the command in parentheses, and may contain spaces and parentheses.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
