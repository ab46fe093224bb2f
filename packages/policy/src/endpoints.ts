import { type Family, familyOf, formatAddress, parseAddress } from '@cnikit/ip';
import type { Pod } from './api.ts';
import type { Cluster } from './cluster.ts';
import { EndpointError } from './errors.ts';
import { podName } from './names.ts';

/**
 * One end of a connection. The traffic of a pod with `hostNetwork` is the node's, so that such a pod is an endpoint of
 * kind `node`.
 */
export type Endpoint =
  | { kind: 'pod'; pod: Pod; addresses: readonly string[] }
  | { kind: 'node'; node: string | undefined; addresses: readonly string[] }
  | { kind: 'external'; addresses: readonly string[] };

/**
 * Finds an endpoint by `namespace/name` of a pod, by IP address, or by the Pod itself. An address that no pod and no
 * node has is external.
 *
 * @throws {EndpointError} when there is no such pod, when it has finished, or when the text is not an address
 */
export function findEndpoint(cluster: Cluster, at: Pod | string): Endpoint {
  if (typeof at !== 'string') {
    return endpointOf(at);
  }
  if (at.includes('/')) {
    const pod = cluster.pods.find((candidate) => podName(candidate) === at);
    if (!pod) {
      throw new EndpointError(`No pod ${at}: expected namespace/name of a pod, or an IP address`);
    }
    return endpointOf(pod);
  }
  const bytes = parseAddress(at);
  if (!bytes) {
    throw new EndpointError(`Invalid endpoint "${at}": expected namespace/name of a pod, or an IP address`);
  }
  return endpointAt(cluster, formatAddress(bytes));
}

/** Returns whether the pod's containers have ended for good. Its address is free for another pod. */
export function hasFinished({ status }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

/** Returns the canonical addresses of a pod, of a pod with `hostNetwork` those of its node. */
export function podAddresses({ status }: Pod): string[] {
  const all = status?.podIPs?.map(({ ip }) => ip) ?? [];
  return (all.length > 0 ? all : status?.podIP === undefined ? [] : [status.podIP]).map(canonical);
}

/**
 * Returns the endpoint of a pod.
 *
 * @throws {EndpointError} when the pod has finished
 */
export function endpointOf(pod: Pod): Endpoint {
  if (hasFinished(pod)) {
    throw new EndpointError(`Pod ${podName(pod)} has finished: its address can belong to another pod`);
  }
  if (pod.spec.hostNetwork) {
    return { kind: 'node', node: pod.spec.nodeName, addresses: hostAddresses(pod) };
  }
  return { kind: 'pod', pod, addresses: podAddresses(pod) };
}

/** Finds the owner of an address. The younger of two pods has it: the API can still list a pod that is gone. */
function endpointAt(cluster: Cluster, address: string): Endpoint {
  const owner = cluster.pods
    .filter((pod) => !pod.spec.hostNetwork && !hasFinished(pod) && podAddresses(pod).includes(address))
    .sort((a, b) => createdAt(b) - createdAt(a) || (podName(a) < podName(b) ? 1 : -1))
    .at(0);
  if (owner) {
    return { kind: 'pod', pod: owner, addresses: [address] };
  }
  const node =
    cluster.nodes.find(({ status }) => status?.addresses?.some((one) => isSame(one.address, address)))
      ?.metadata.name ?? cluster.pods.find((pod) => hostAddresses(pod).includes(address))?.spec.nodeName;
  return node === undefined
    ? { kind: 'external', addresses: [address] }
    : { kind: 'node', node, addresses: [address] };
}

function createdAt({ metadata }: Pod): number {
  return Date.parse(metadata.creationTimestamp ?? '') || 0;
}

function hostAddresses(pod: Pod): string[] {
  const all = pod.status?.hostIPs?.map(({ ip }) => ip) ?? [];
  const own = pod.spec.hostNetwork ? podAddresses(pod) : [];
  return [...own, ...all, ...(pod.status?.hostIP === undefined ? [] : [pod.status.hostIP])].map(canonical);
}

function isSame(text: string, address: string): boolean {
  return parseAddress(text) !== undefined && canonical(text) === address;
}

function canonical(text: string): string {
  return formatAddress(parseAddress(text)!);
}

/** The addresses that a connection uses. Empty for a pod whose address is unknown. */
export interface AddressPair {
  source: string | undefined;
  destination: string | undefined;
}

/**
 * Chooses the addresses of a connection: of the given family, else of the first family that both ends have.
 *
 * @throws {EndpointError} when both ends have addresses and share no family
 */
export function addressPair(source: Endpoint, destination: Endpoint, family?: Family): AddressPair {
  const usable = (at: Endpoint) =>
    at.addresses.filter((text) => family === undefined || familyOf(text) === family);
  const [from, to] = [usable(source), usable(destination)];
  const common = from.find((text) => to.some((other) => familyOf(other) === familyOf(text)));
  if (common === undefined && source.addresses.length > 0 && destination.addresses.length > 0) {
    const wanted = family === undefined ? 'of one family' : `of ${family}`;
    throw new EndpointError(`Source and destination have no addresses ${wanted}`);
  }
  const chosen = common ?? from[0] ?? to[0];
  const ofChosen = (texts: string[]) =>
    texts.find((text) => chosen === undefined || familyOf(text) === familyOf(chosen));
  return { source: ofChosen(from), destination: ofChosen(to) };
}

/** Returns whether two endpoints have addresses of one family. An endpoint without addresses shares every family. */
export function shareFamily(a: Endpoint, b: Endpoint): boolean {
  return (
    a.addresses.length === 0 ||
    b.addresses.length === 0 ||
    a.addresses.some((text) => b.addresses.some((other) => familyOf(other) === familyOf(text)))
  );
}
