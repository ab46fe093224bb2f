import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/**
 * The processes of a sandbox by the numbers they have in it, each with its number out here.
 *
 * @param heldBy the process that made the sandbox's process namespace
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
      // NSpid lists the numbers of a process from the outermost namespace to its own (proc(5)).
      const numbers = readFileSync(`/proc/${entry}/status`, 'utf8').match(/^NSpid:\s+(.*)$/m)?.[1];
      const inside = numbers?.split(/\s+/).at(-1);
      if (inside !== undefined) {
        pids.set(Number(inside), Number(entry));
      }
    } catch {
      // It ended meanwhile, or is somebody else's.
    }
  }
  return pids;
}
