/** Reduces Node objects of the API, which are untrusted, to the fields in use. Pure. */

import { type AddressBytes, formatAddress, formatPrefix, parseAddress, parseNetwork } from '@cnikit/ip';
import type { ProtobufMessage } from '@cnikit/watch';
import type { NodeInfo } from '../core/model.ts';

type Json = Record<string, unknown>;

const object = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
const array = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** The fields that `selectNode` reads. */
export const nodeFields = {
  metadata: { name: true, uid: true, creationTimestamp: true },
  spec: { podCIDR: true, podCIDRs: true, taints: { key: true } },
  status: { addresses: { type: true, address: true }, conditions: { type: true, status: true } },
} as const;

/** The same fields with their numbers in `v1.Node`. */
export const nodeMessage: ProtobufMessage = {
  metadata: [1, { name: [1, 'string'], uid: [5, 'string'], creationTimestamp: [8, 'time'] }],
  spec: [
    2,
    {
      podCIDR: [1, 'string'],
      podCIDRs: [7, 'string', 'repeated'],
      taints: [5, { key: [1, 'string'] }, 'repeated'],
    },
  ],
  status: [
    3,
    {
      addresses: [5, { type: [1, 'string'], address: [2, 'string'] }, 'repeated'],
      conditions: [4, { type: [1, 'string'], status: [2, 'string'] }, 'repeated'],
    },
  ],
};

/**
 * Returns the fields that the agent uses of a Node (`v1.Node` as JSON). Never throws: unusable parts are left
 * out and listed in `rejected`, so that a bad Node affects no other.
 */
export function selectNode(node: unknown): NodeInfo {
  const metadata = object(object(node).metadata);
  const spec = object(object(node).spec);
  const status = object(object(node).status);
  const rejected: string[] = [];

  const podCIDRs: string[] = [];
  const claimed = array(spec.podCIDRs).length > 0 ? array(spec.podCIDRs) : [spec.podCIDR];
  for (const entry of claimed) {
    if (entry === undefined || entry === '') {
      continue;
    }
    const prefix = parseNetwork(text(entry));
    if (prefix === undefined) {
      rejected.push(`podCIDR ${JSON.stringify(entry)} is not a prefix`);
    }
    // A prefix this short is a mistake, and its route would take the node off its network.
    else if (prefix.length < 8) {
      rejected.push(`podCIDR ${JSON.stringify(entry)} is wider than a /8`);
    } else if (isUnusable(prefix.address)) {
      rejected.push(`podCIDR ${JSON.stringify(entry)} has no addresses for pods`);
    } else if (!podCIDRs.includes(formatPrefix(prefix))) {
      podCIDRs.push(formatPrefix(prefix));
    }
  }

  const addresses = array(status.addresses).map(object);
  const ofType = (type: string): string[] =>
    addresses
      .filter((entry) => entry.type === type)
      .flatMap((entry) => {
        const address = parseAddress(text(entry.address));
        if (address !== undefined && !isUnusable(address)) {
          return [formatAddress(address)];
        }
        // Protobuf omits an empty text.
        rejected.push(`${type} ${JSON.stringify(entry.address ?? '')} is not an address of a host`);
        return [];
      });
  const inside = ofType('InternalIP');
  // In clouds that give nodes only public addresses, nodes reach each other by those.
  const internalIPs = inside.length > 0 ? inside : ofType('ExternalIP');

  const condition = array(status.conditions)
    .map(object)
    .find((entry) => entry.type === 'NetworkUnavailable');
  const taints = array(spec.taints).map((taint) => text(object(taint).key));
  return {
    name: text(metadata.name),
    uid: text(metadata.uid),
    created: text(metadata.creationTimestamp),
    podCIDRs,
    internalIPs,
    networkUnavailable: condition && text(condition.status),
    ...(taints.length === 0 ? {} : { taints }),
    rejected,
  };
}

/**
 * Returns whether no host on another link can have an address: link-local, multicast, and all of 0.0.0.0/8, 127.0.0.0/8 and
 * ::/8, which have the unspecified, loopback, IPv4-mapped and NAT64 addresses. The kubelet refuses most of them as
 * addresses of a node too.
 */
function isUnusable(address: AddressBytes): boolean {
  const [first = 0, second = 0] = address;
  return address.length === 4
    ? first === 0 ||
        first === 127 ||
        (first === 169 && second === 254) ||
        (first >= 224 && first < 240) ||
        address.every((byte) => byte === 255)
    : first === 0 || first === 255 || (first === 0xfe && (second & 0xc0) === 0x80);
}

/** True when no field in use differs: most Node updates are heartbeats. */
export function sameNode(a: NodeInfo, b: NodeInfo): boolean {
  return (
    a.name === b.name &&
    a.uid === b.uid &&
    a.created === b.created &&
    a.networkUnavailable === b.networkUnavailable &&
    sameList(a.podCIDRs, b.podCIDRs) &&
    sameList(a.internalIPs, b.internalIPs) &&
    sameList(a.taints ?? [], b.taints ?? []) &&
    sameList(a.rejected, b.rejected)
  );
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
