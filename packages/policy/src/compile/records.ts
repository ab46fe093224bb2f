import { formatAddress, parseAddress } from '@cnikit/ip';
import type { ContainerPort, NetworkPolicy, Pod } from '../api.ts';
import type { NamedPort, PodTraits, TraitsPool } from './pod-traits.ts';

/** The fields of a Pod that the compiler keeps. */
export interface PodRecord {
  key: string;
  traits: PodTraits;
  node: string | undefined;
  /** Addresses that policies concern: none where the pod has finished or shares the network of its node. */
  addresses: readonly string[];
  created: number;
}

const NONE: readonly never[] = [];

/** Reads a pod. The caller releases its traits. */
export function readPod({ metadata, spec, status }: Pod, pool: TraitsPool): PodRecord {
  const concerned = !spec.hostNetwork && status?.phase !== 'Succeeded' && status?.phase !== 'Failed';
  const addresses: string[] = [];
  for (const { ip } of status?.podIPs?.length ? status.podIPs : [{ ip: status?.podIP ?? '' }]) {
    const bytes = parseAddress(ip);
    const address = bytes && formatAddress(bytes);
    if (address !== undefined && !addresses.includes(address)) {
      // A canonical text is kept as it is: the caller has it in memory anyway.
      addresses.push(address === ip ? ip : address);
    }
  }
  return {
    key: keyOf(metadata),
    traits: pool.acquire(metadata.namespace, metadata.labels ?? {}, namedPorts(spec)),
    node: spec.nodeName,
    addresses: concerned && addresses.length > 0 ? addresses : NONE,
    created: Date.parse(metadata.creationTimestamp ?? '') || 0,
  };
}

/** Returns whether two records of a pod are equal. */
export function isSameRecord(a: PodRecord, b: PodRecord): boolean {
  return (
    a.traits === b.traits &&
    a.node === b.node &&
    a.created === b.created &&
    a.addresses.length === b.addresses.length &&
    a.addresses.every((address, i) => address === b.addresses[i])
  );
}

/** Returns the named ports of containers and of sidecars, which are init containers that are always restarted. */
function namedPorts({ containers, initContainers = NONE }: Pod['spec']): NamedPort[] {
  const sidecars = initContainers.filter(({ restartPolicy }) => restartPolicy === 'Always');
  return [...containers, ...sidecars]
    .flatMap(({ ports = [] }) => ports)
    .filter((port): port is ContainerPort & { name: string } => port.name !== undefined)
    .map(({ name, protocol = 'TCP', containerPort }) => ({ name, protocol, port: containerPort }));
}

export function keyOf({ namespace, name }: NetworkPolicy['metadata'] | Pod['metadata']): string {
  return `${namespace}/${name}`;
}
