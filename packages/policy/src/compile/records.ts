import { formatAddress, parseAddress } from '@cnikit/ip';
import type { ContainerPort, NetworkPolicy, Pod, PortProtocol } from '../api.ts';
import type { Labels } from '../labels.ts';

/** The fields of a Pod that the compiler keeps. */
export interface PodRecord {
  key: string;
  namespace: string;
  labels: Labels;
  node: string | undefined;
  /** Addresses that policies concern: none where the pod has finished or shares the network of its node. */
  addresses: readonly string[];
  ports: readonly NamedPort[];
  created: number;
}

/** A named port of a container. */
export interface NamedPort {
  name: string;
  protocol: PortProtocol;
  port: number;
}

export function readPod({ metadata, spec, status }: Pod): PodRecord {
  const concerned = !spec.hostNetwork && status?.phase !== 'Succeeded' && status?.phase !== 'Failed';
  const texts = status?.podIPs?.length ? status.podIPs.map(({ ip }) => ip) : [status?.podIP ?? ''];
  const addresses = texts.flatMap((text) => {
    const bytes = parseAddress(text);
    return bytes ? [formatAddress(bytes)] : [];
  });
  return {
    key: keyOf(metadata),
    namespace: metadata.namespace,
    labels: metadata.labels ?? {},
    node: spec.nodeName,
    addresses: concerned ? [...new Set(addresses)] : [],
    ports: namedPorts(spec),
    created: Date.parse(metadata.creationTimestamp ?? '') || 0,
  };
}

/** Returns the named ports of containers and of sidecars, which are init containers that are always restarted. */
function namedPorts({ containers, initContainers = [] }: Pod['spec']): NamedPort[] {
  const sidecars = initContainers.filter(({ restartPolicy }) => restartPolicy === 'Always');
  return [...containers, ...sidecars]
    .flatMap(({ ports = [] }) => ports)
    .filter((port): port is ContainerPort & { name: string } => port.name !== undefined)
    .map(({ name, protocol = 'TCP', containerPort }) => ({ name, protocol, port: containerPort }));
}

export function keyOf({ namespace, name }: NetworkPolicy['metadata'] | Pod['metadata']): string {
  return `${namespace}/${name}`;
}
