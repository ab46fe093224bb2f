/** A ping between two pods that goes on while something else happens. */
import { readFileSync } from 'node:fs';
import { type Bed, machinesOf, onNode } from './bed.ts';
import type { Pod } from './pods.ts';

export interface BackgroundPing {
  /** Ends it: packets sent and answered. */
  end(): { sent: number; received: number };
}

/** Starts it from the node, inside the pod's namespace, so that it needs neither kubectl nor the API server. */
export function startPing(bed: Bed, from: Pod, to: Pod): BackgroundPing {
  const name = `ping-${from.name}`;
  const namespace = podNamespace(bed, from);
  const argv = ['nsenter', `--net=${namespace}`, 'ping', '-i', '0.2', '-W', '2', to.ips[0] ?? ''];
  machinesOf(bed).start(from.node, name, ...argv);
  return {
    end() {
      machinesOf(bed).stop(from.node, name, 'INT');
      const log = readFileSync(machinesOf(bed).log(from.node, name), 'utf8');
      // A log is gone on with: the last run counts.
      const last = [...log.matchAll(/(\d+) packets transmitted, (\d+) received/g)].at(-1);
      if (last === undefined) {
        throw new Error(`The ping ended without a word:\n${log.slice(-500)}`);
      }
      return { sent: Number(last[1]), received: Number(last[2]) };
    },
  };
}

/** A ping that must not lose anything: for what hurts the control plane only. */
export async function whilePinging(bed: Bed, from: Pod, to: Pod, body: () => Promise<void>): Promise<string> {
  const running = startPing(bed, from, to);
  let counts: { sent: number; received: number };
  try {
    await body();
  } finally {
    counts = running.end();
  }
  if (counts.sent === 0 || counts.received < counts.sent - 1) {
    // The last request may be on its way when it ends.
    throw new Error(`${counts.sent - counts.received} of ${counts.sent} pings were lost`);
  }
  return `${counts.received} of ${counts.sent} pings answered meanwhile`;
}

/** The path of a pod's network namespace on its node. */
export function podNamespace(bed: Bed, { node, ips: [ip = ''] }: Pod): string {
  const script = `for ns in /run/netns/*; do nsenter --net=$ns ip -o addr show dev eth0 2>/dev/null | grep -qw "$0" && echo $ns; done`;
  const found = onNode(bed, node, 'sh', '-c', `${script}; true`, ip).trim().split('\n')[0];
  if (!found) {
    throw new Error(`No namespace on ${node} has ${ip}`);
  }
  return found;
}
