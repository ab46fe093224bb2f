import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/**
 * Maps the process ids of a sandbox to process ids of the host.
 *
 * @param heldBy the process that created the sandbox's PID namespace
 */
export function hostPids(heldBy: number): Map<number, number> {
  const namespace = readlinkSync(`/proc/${heldBy}/ns/pid_for_children`);
  const pids = new Map<number, number>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) {
      continue;
    }
    try {
      if (readlinkSync(`/proc/${entry}/ns/pid`) !== namespace) {
        continue;
      }
      // NSpid lists the ids of a process from the outermost namespace to its own (proc(5)).
      const ids = readFileSync(`/proc/${entry}/status`, 'utf8').match(/^NSpid:\s+(.*)$/m)?.[1];
      const inside = ids?.split(/\s+/).at(-1);
      if (inside !== undefined) {
        pids.set(Number(inside), Number(entry));
      }
    } catch {
      // The process has exited or belongs to another user.
    }
  }
  return pids;
}
