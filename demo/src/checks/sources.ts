import type { Family } from '@cnikit/ip';
import { type LabNode, type Namespace, type Pod, sourceSeenBy, startPeerServer } from '@cnikit/testing-lab';
import { bold, dim, explain, green, red } from '../terminal.ts';

/** One connection, and the source address that the other side saw. */
export interface Sighting {
  from: Pod;
  to: string;
  protocol: 'tcp' | 'udp';
  own: string;
  seen: string;
  expected: string;
}

interface Target {
  namespace: Namespace;
  name: string;
  addresses: { ipv4: string; ipv6: string };
}

/**
 * Connects from each pod to the target: TCP over both families, UDP over IPv4. `expected` returns the source address
 * that the target should see.
 */
export async function sightings(
  pods: readonly Pod[],
  target: Target,
  expected: (pod: Pod, family: Family) => string,
): Promise<Sighting[]> {
  const server = await startPeerServer(target.namespace);
  const transports = [
    ['tcp', 'ipv4'],
    ['tcp', 'ipv6'],
    ['udp', 'ipv4'],
  ] as const;
  try {
    return await Promise.all(
      pods.flatMap((from) =>
        transports.map(async ([protocol, family]) => ({
          from,
          to: target.name,
          protocol,
          own: from.ip4or6(family),
          seen: await sourceSeenBy(
            from,
            { address: target.addresses[family], port: server.port },
            protocol,
          ).catch(() => 'nothing'),
          expected: expected(from, family),
        })),
      ),
    );
  } finally {
    await server.stop();
  }
}

export const addressesOf = (pod: Pod) => ({ ipv4: pod.ip4or6('ipv4'), ipv6: pod.ip4or6('ipv6') });

export const isExpected = ({ seen, expected }: Sighting) => seen === expected;

/** Draws each connection with the source address that the target saw. */
export function drawSightings(all: readonly Sighting[], nodes: readonly LabNode[]): void {
  const whose = new Map(
    nodes.flatMap(({ name, address }) => [address.ipv4, address.ipv6].map((ip) => [ip, name])),
  );
  explain();
  for (const one of all) {
    const owner = whose.get(one.seen) ?? (one.seen === one.own ? 'the pod itself' : '?');
    const seen = `${one.seen} ${dim(`(${owner})`)}`;
    const verdict = isExpected(one)
      ? green(one.seen) + seen.slice(one.seen.length)
      : `${red(one.seen)}, not ${one.expected}`;
    explain(
      `${bold(one.from.name)} ${one.own.padEnd(18)} ${dim(`─${one.protocol}→`)} ${one.to} ${dim('sees')} ${verdict}`,
    );
  }
  explain();
}
