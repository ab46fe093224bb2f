/** A ping between two pods that runs in the background. */
import { readFileSync } from 'node:fs';
import { type Context, machinesOf, onNode } from './context.ts';
import type { Pod } from './pods.ts';

export interface BackgroundPing {
  /** Ends the ping and returns the number of packets sent and answered. */
  end(): { sent: number; received: number };
}

/** Starts ping on the node, inside the pod's network namespace, so that it needs neither kubectl nor the API server. */
export function startPing(context: Context, from: Pod, to: Pod): BackgroundPing {
  const name = `ping-${from.name}`;
  const namespace = podNamespace(context, from);
  const argv = ['nsenter', `--net=${namespace}`, 'ping', '-i', '0.2', '-W', '2', to.ips[0] ?? ''];
  machinesOf(context).start(from.node, name, ...argv);
  return {
    end() {
      machinesOf(context).stop(from.node, name, 'INT');
      const log = readFileSync(machinesOf(context).log(from.node, name), 'utf8');
      // Every run appends to the log: the last one counts.
      const last = [...log.matchAll(/(\d+) packets transmitted, (\d+) received/g)].at(-1);
      if (last === undefined) {
        throw new Error(`The ping printed no summary:\n${log.slice(-500)}`);
      }
      return { sent: Number(last[1]), received: Number(last[2]) };
    },
  };
}

/**
 * Runs `body` during a ping, for faults that affect the control plane only.
 *
 * @throws {Error} when a packet is lost
 */
export async function whilePinging(
  context: Context,
  from: Pod,
  to: Pod,
  body: () => Promise<void>,
): Promise<string> {
  const running = startPing(context, from, to);
  let counts: { sent: number; received: number };
  try {
    await body();
  } finally {
    counts = running.end();
  }
  if (counts.sent === 0 || counts.received < counts.sent - 1) {
    // The last request may be in flight when ping ends.
    throw new Error(`${counts.sent - counts.received} of ${counts.sent} pings were lost`);
  }
  return `${counts.received} of ${counts.sent} pings answered`;
}

/** The path of a pod's network namespace on its node. */
export function podNamespace(context: Context, { node, ips: [ip = ''] }: Pod): string {
  const script = `for ns in /run/netns/*; do nsenter --net=$ns ip -o addr show dev eth0 2>/dev/null | grep -qw "$0" && echo $ns; done`;
  const found = onNode(context, node, 'sh', '-c', `${script}; true`, ip).trim().split('\n')[0];
  if (!found) {
    throw new Error(`No network namespace on ${node} has address ${ip}`);
  }
  return found;
}
