/**
 * Expresses the packet filter as a table of nftables. Pure.
 *
 *     table inet cnikit-agent {
 *       set pods4 { type ipv4_addr; flags interval; elements = { 10.244.1.0/24 } }
 *       set inside4 { type ipv4_addr; flags interval; elements = { 10.244.1.0/24, 10.244.2.0/24, 224.0.0.0/4 } }
 *       chain postrouting {
 *         type nat hook postrouting priority srcnat + 1
 *         ip saddr @pods4 ip daddr != @inside4 masquerade fully-random
 *       }
 *     }
 *
 * Rules depend on the families of pods only. Nodes, podCIDRs and links are elements of sets, so a node that joins or
 * leaves changes elements and no rule. The table needs no rule that accepts forwarded packets: nothing in it drops any,
 * and an accept would not overrule a drop in another table.
 */

import { type Family, families, parseNetwork } from '@cnikit/ip';
import type { Expression } from '@cnikit/netlink/nftables';
import * as expr from '@cnikit/netlink/nftables/expr';
import type { FilterRule, FilterSet, FilterTable } from '../core/filter-table.ts';
import { asElements, multicast, type PacketFilter } from './packet-filter.ts';

/**
 * Behind all other chains of source NAT, which have priority 100: the first chain that masquerades a packet decides, and
 * kube-proxy clears its mark in its own.
 */
const PRIORITY = 101;
/** NF_NAT_RANGE_PROTO_RANDOM_FULLY: two pods that choose the same port at once do not collide. */
const FULLY_RANDOM = 0x10;
/** NFT_REG_1. */
const REGISTER = 1;
const NFT_META_OIFNAME = 7;
const NETWORK_HEADER = 1;
/** NFT_LOOKUP_F_INV. */
const NOT_IN_SET = 1;

const columns = {
  ipv4: { suffix: '4', protocol: 'ip', key: 'ipv4_addr', length: 4, source: 12, destination: 16 },
  ipv6: { suffix: '6', protocol: 'ip6', key: 'ipv6_addr', length: 16, source: 8, destination: 24 },
} as const;

/** Returns the table. `inside` returns the destinations that are not masqueraded. */
export function nftablesTable(
  filters: Readonly<Record<Family, PacketFilter | undefined>>,
  inside: (family: Family) => readonly string[],
): FilterTable {
  const sets: FilterSet[] = [];
  const rules: FilterRule[] = [];
  for (const family of families) {
    const filter = filters[family];
    if (filter?.masquerade === undefined) {
      continue;
    }
    const { suffix, key } = columns[family];
    const { outInterfaces } = filter.masquerade;
    sets.push({ name: `pods${suffix}`, key, elements: disjoint(filter.podCIDRs) });
    sets.push({ name: `inside${suffix}`, key, elements: withMulticast(family, inside(family)) });
    if (outInterfaces !== undefined) {
      sets.push({ name: `egress${suffix}`, key: 'ifname', elements: outInterfaces });
    }
    rules.push(masquerade(family, outInterfaces !== undefined));
  }
  const hook = { type: 'nat', hook: 'postrouting', priority: PRIORITY } as const;
  return { sets, chains: [{ name: 'postrouting', hook, rules }] };
}

function masquerade(family: Family, egressOnly: boolean): FilterRule {
  const { suffix, protocol, length, source, destination } = columns[family];
  const field = (offset: number): Expression => ({
    name: 'payload',
    base: NETWORK_HEADER,
    offset,
    len: length,
    dreg: REGISTER,
  });
  const member = (set: string, flags?: number): Expression => ({
    name: 'lookup',
    set,
    sreg: REGISTER,
    flags,
  });
  const egress = `egress${suffix}`;
  return {
    text: `${egressOnly ? `oifname @${egress} ` : ''}${protocol} saddr @pods${suffix} ${protocol} daddr != @inside${suffix} masquerade fully-random`,
    expressions: [
      ...(egressOnly
        ? [{ name: 'meta', key: NFT_META_OIFNAME, dreg: REGISTER } as const, member(egress)]
        : []),
      ...expr.ipVersion(family),
      field(source),
      member(`pods${suffix}`),
      field(destination),
      member(`inside${suffix}`, NOT_IN_SET),
      ...expr.masquerade({ flags: FULLY_RANDOM }),
    ],
  };
}

/**
 * Returns the prefixes that no other one contains, each once: an interval set refuses elements that overlap. Prefixes
 * that only adjoin stay separate, so that a node changes its own elements only.
 */
function disjoint(prefixes: readonly string[]): string[] {
  const elements = asElements(prefixes);
  // Different prefixes of one length do not overlap: those of thousands of nodes are not parsed again.
  const lengths = new Set(elements.map((text) => text.slice(text.indexOf('/') + 1)));
  return lengths.size > 1 ? outermost(elements) : elements;
}

/** Returns podCIDRs and configured prefixes with those of multicast. */
function withMulticast(family: Family, prefixes: readonly string[]): string[] {
  const apart = disjoint(prefixes);
  const all = [...apart, multicast[family]];
  return apart.some((text) => MAY_BE_MULTICAST.test(text)) ? outermost(all) : all;
}

/** Text of prefixes that are part of multicast, or that contain it. */
const MAY_BE_MULTICAST = /^(22[4-9]|23\d|ff)|\/[0-8]$/;

function outermost(elements: readonly string[]): string[] {
  const ranges = elements.map((text) => {
    const { address, length } = parseNetwork(text)!;
    return { text, bits: bitsOf(address).slice(0, length) };
  });
  ranges.sort((a, b) => (a.bits < b.bits ? -1 : a.bits > b.bits ? 1 : 0));
  const kept: string[] = [];
  let outer: string | undefined;
  for (const { text, bits } of ranges) {
    if (outer === undefined || !bits.startsWith(outer)) {
      kept.push(text);
      outer = bits;
    }
  }
  return kept;
}

/** Each byte in binary. */
const BITS = Array.from({ length: 256 }, (_, byte) => byte.toString(2).padStart(8, '0'));

/** Returns an address in binary: a prefix of the text is a prefix of the address. */
const bitsOf = (address: Uint8Array): string => {
  let bits = '';
  for (const byte of address) {
    bits += BITS[byte];
  }
  return bits;
};
