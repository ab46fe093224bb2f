/** Marks that distinguish the agent's tunnel links from foreign links. Pure. */

import type { KernelLink } from './model.ts';

/** Alias of the agent's tunnel links, for people. The kernel sets no alias at creation. */
export const TUNNEL_ALIAS = 'cnikit: pods of nodes behind a router';

/**
 * Group of the agent's tunnel links (IFLA_GROUP), which the kernel sets at creation. It is between the groups of
 * the plugin (0x63000000, 0x65000000, and the next 2^24 of each) and above those that administrators use.
 */
export const TUNNEL_GROUP = 0x640000c9;

/**
 * Returns the MAC address of a node's tunnel link: 46 bits of a hash of its name, locally administered
 * unicast (IEEE 802, clause 8). The name is unique in the cluster and survives new addresses and a recreated
 * Node.
 */
export function tunnelMac(nodeName: string): string {
  // FNV-1a with two multipliers and the finish of MurmurHash3, so that similar names differ in all bits.
  let [low, high] = [0x811c9dc5, 0x9747b28c];
  for (let i = 0; i < nodeName.length; i++) {
    const char = nodeName.charCodeAt(i);
    low = Math.imul(low ^ char, 0x01000193);
    high = Math.imul(high ^ char, 0x5bd1e995);
  }
  const hex = mixed(low).toString(16).padStart(8, '0') + mixed(high).toString(16).padStart(8, '0');
  const first = ((Number.parseInt(hex.slice(0, 2), 16) & 0xfc) | 2).toString(16).padStart(2, '0');
  return [first, ...[2, 4, 6, 8, 10].map((at) => hex.slice(at, at + 2))].join(':');
}

function mixed(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * Returns whether a link is a tunnel of this agent. Versions up to 0.1 set only the alias, in a second request.
 * A link whose second request was refused is known by the MAC address of this node: `own`.
 */
export function isOwnTunnel(
  { name, alias, group, mac, vxlan }: KernelLink,
  own?: { mac: string; names: readonly string[] },
): boolean {
  if (vxlan === undefined) {
    return false;
  }
  return (
    alias === TUNNEL_ALIAS ||
    group === TUNNEL_GROUP ||
    (own !== undefined && mac === own.mac && own.names.includes(name))
  );
}
