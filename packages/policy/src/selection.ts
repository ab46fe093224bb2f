import type { NetworkPolicy, Peer, Pod, PortProtocol } from './api.ts';
import type { Cluster } from './cluster.ts';
import { hasFinished } from './endpoints.ts';
import { matches } from './labels.ts';

/** Returns the pods that policies concern: those that run and have an own network. */
export function podsOfPolicies({ pods }: Cluster): Pod[] {
  return pods.filter((pod) => !pod.spec.hostNetwork && !hasFinished(pod));
}

/** Returns whether the policy applies to the pod. */
export function appliesTo({ metadata, spec }: NetworkPolicy, pod: Pod): boolean {
  return (
    metadata.namespace === pod.metadata.namespace &&
    matches(spec.podSelector ?? {}, pod.metadata.labels ?? {})
  );
}

/** Returns whether the selectors of a peer take the pod. Without a namespaceSelector, `namespace` must be the pod's. */
export function takesPod(cluster: Cluster, peer: Peer, namespace: string, { metadata }: Pod): boolean {
  if (!(peer.podSelector || peer.namespaceSelector)) {
    return false;
  }
  const inNamespace = peer.namespaceSelector
    ? matches(peer.namespaceSelector, labelsOfNamespace(cluster, metadata.namespace))
    : metadata.namespace === namespace;
  return inNamespace && matches(peer.podSelector ?? {}, metadata.labels ?? {});
}

function labelsOfNamespace({ namespaces }: Cluster, name: string): Readonly<Record<string, string>> {
  return namespaces.find(({ metadata }) => metadata.name === name)?.metadata.labels ?? {};
}

/** Returns the numbers of the ports of that name, of containers and of sidecars. */
export function portsNamed({ spec }: Pod, name: string, protocol: PortProtocol): number[] {
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  return [...spec.containers, ...sidecars]
    .flatMap(({ ports = [] }) => ports)
    .filter((port) => port.name === name && (port.protocol ?? 'TCP') === protocol)
    .map(({ containerPort }) => containerPort);
}
