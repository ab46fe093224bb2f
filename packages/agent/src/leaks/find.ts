/** Finds leaked addresses and links by comparing reservations with links. Pure. */
import type { Reservation } from '@cnikit/ipam';
import { hostVethName, hostVethPrefix, type LostSandbox } from '@cnikit/plugin';

/** The fields of a veth in use. `peerHere`: the other end is in this namespace too, so no pod has it. */
export interface VethLink {
  name: string;
  index: number;
  peerHere: boolean;
}

/**
 * - `reservation`: an address whose pod is gone. The kernel deletes the host end of a pod's link together with the
 *   pod's namespace, so without a host end there is no pod.
 * - `veth`: a host end whose other end is in the host's namespace: no pod has it.
 * - `unreserved`: a host end whose pod runs without a reserved address. Its reservation may have been removed by
 *   mistake, so the link stays.
 * - `sandbox`: a container that the runtime lost. Its link keeps addresses and host ports from other pods.
 */
export type Leak =
  | {
      kind: 'reservation';
      key: string;
      containerID: string;
      ifName: string;
      addresses: string[];
      pod?: string | undefined;
    }
  | ({ kind: 'sandbox'; key: string; pod?: string | undefined } & LostSandbox)
  | { kind: 'veth'; key: string; link: VethLink }
  | { kind: 'unreserved'; key: string; link: VethLink; pod?: string | undefined };

/** Finds leaks. Read the reservations before the links: ADD creates the link before it reserves. */
export function findLeaks(
  network: string,
  reservations: readonly Reservation[],
  veths: readonly VethLink[],
): Leak[] {
  const names = new Set(veths.map(({ name }) => name));
  const attached = new Set<string>();
  const gone = new Map<string, Extract<Leak, { kind: 'reservation' }>>();
  for (const { containerID, ifName, address, pod } of reservations) {
    // Versions of host-local before 2018 recorded no interface name. That of pods is eth0.
    const name = hostVethName(network, containerID, ifName || 'eth0');
    attached.add(name);
    if (names.has(name)) {
      continue;
    }
    const leak = gone.get(name) ?? {
      kind: 'reservation',
      key: `reservation ${name}`,
      containerID,
      ifName: ifName || 'eth0',
      addresses: [],
      pod,
    };
    leak.addresses.push(address);
    gone.set(name, leak);
  }
  const prefix = hostVethPrefix(network);
  const loose = veths
    .filter(({ name }) => name.startsWith(prefix) && !attached.has(name))
    .map((link): Leak => {
      const kind = link.peerHere ? 'veth' : 'unreserved';
      return { kind, key: `${kind} ${link.name}`, link };
    });
  return [...gone.values(), ...loose];
}

/** Describes a leak in one line. */
export function describeLeak(leak: Leak): string {
  switch (leak.kind) {
    case 'reservation': {
      const owner = leak.pod === undefined ? `container ${leak.containerID}` : `pod ${leak.pod}`;
      return `reservation of ${leak.addresses.join(' and ')} for ${owner}, whose network namespace is gone`;
    }
    case 'sandbox': {
      const addresses = leak.addresses.length === 0 ? '' : ` with ${leak.addresses.join(' and ')}`;
      return `container ${leak.containerID}${leak.pod === undefined ? '' : ` of pod ${leak.pod}`}${addresses}, which the runtime lost: ${leak.reason}`;
    }
    case 'veth':
      return `link ${leak.link.name}, whose other end is in no pod`;
    case 'unreserved':
      return `link ${leak.link.name} of ${leak.pod === undefined ? 'a running pod' : `the running pod ${leak.pod}`} without a reserved address`;
  }
}
