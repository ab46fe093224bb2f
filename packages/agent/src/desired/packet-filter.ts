/** Decides what a packet filter does for pods, independently of the back end that expresses it. Pure. */

import { aggregate, contains, type Family, familyOf, formatPrefix, parseNetwork } from '@cnikit/ip';
import type { HostFacts, Masquerade, NodeInfo } from '../core/model.ts';

/** Desired packet filter of a family. */
export interface PacketFilter {
  family: Family;
  /** podCIDRs of this node: packets from and to them are forwarded. */
  podCIDRs: readonly string[];
  /** Masquerading of packets from `podCIDRs`; undefined: none. */
  masquerade?: {
    /** The only interfaces where packets are masqueraded; undefined: all. */
    outInterfaces?: readonly string[] | undefined;
  };
}

/** Multicast destinations, which are never masqueraded. */
export const multicast = { ipv4: '224.0.0.0/4', ipv6: 'ff00::/8' } as const;

/** Returns the packet filter of a family; undefined if this node has no pods of that family. */
export function desiredFilter(
  family: Family,
  own: NodeInfo,
  facts: HostFacts,
  mode: Masquerade = 'destination',
): PacketFilter | undefined {
  const podCIDRs = own.podCIDRs.filter((cidr) => familyOf(cidr) === family);
  if (podCIDRs.length === 0) {
    return undefined;
  }
  if (mode === 'destination') {
    return { family, podCIDRs, masquerade: {} };
  }
  const outInterfaces = facts.egressInterfaces[family];
  return outInterfaces.length === 0
    ? { family, podCIDRs }
    : { family, podCIDRs, masquerade: { outInterfaces } };
}

/**
 * Returns the destinations that see the address of pods: podCIDRs, with `egress` also InternalIPs, and
 * configured prefixes, which replace those that they contain. Node prefixes are canonical text already:
 * thousands of them are not parsed again.
 */
export function insidePrefixes(
  family: Family,
  nodes: Iterable<NodeInfo>,
  configured: readonly string[],
  mode: Masquerade = 'destination',
): string[] {
  const named = configured.filter((text) => familyOf(text) === family).map((text) => parseNetwork(text)!);
  const prefixes = named.map(formatPrefix);
  const whole = family === 'ipv4' ? '/32' : '/128';
  const add = (text: string): void => {
    if (familyOf(text) !== family) {
      return;
    }
    const prefix = text.includes('/') ? text : text + whole;
    if (named.length === 0 || !named.some((outer) => contains(outer, parseNetwork(prefix)!))) {
      prefixes.push(prefix);
    }
  };
  // One kind after the other: nodes arrive in an order that podCIDRs and addresses mostly follow, which makes
  // sorting fast.
  const all = [...nodes];
  for (const node of all) {
    node.podCIDRs.forEach(add);
  }
  for (const node of mode === 'egress' ? all : []) {
    node.internalIPs.forEach(add);
  }
  return prefixes;
}

/** Destinations that see the address of pods: a set, or prefixes. */
export type Inside = { set: string } | { prefixes: readonly string[] };

/** Returns the fewest prefixes that cover exactly the same addresses. */
export const asRules = (prefixes: readonly string[]): Inside => ({
  prefixes: aggregate(prefixes.map((text) => parseNetwork(text)!)).map(formatPrefix),
});

/** All addresses in two halves: a set accepts no /0 (hash:net in ipset(8)). */
const HALVES: Readonly<Record<string, readonly string[]>> = {
  '0.0.0.0/0': ['0.0.0.0/1', '128.0.0.0/1'],
  '::/0': ['::/1', '8000::/1'],
};

/** Returns each prefix once, as elements of a set. */
export const asElements = (prefixes: readonly string[]): string[] => [
  ...new Set(prefixes.flatMap((prefix) => HALVES[prefix] ?? prefix)),
];
