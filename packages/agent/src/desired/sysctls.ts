/** Decides the kernel settings of a node with pods. Pure. */

import { type Family, families, familyOf } from '@cnikit/ip';
import type { HostFacts, NodeInfo, Sysctl } from '../core/model.ts';

const FORWARDS = 'this node forwards pod traffic';
const BRIDGED = 'otherwise replies between two pods of this node bypass the NAT of Services';

/**
 * Returns the settings in the order to write them: IPv6 forwarding makes an interface with accept_ra 1 forget
 * its default route. `tunnels` are the tunnel links in use.
 */
export function desiredSysctls(own: NodeInfo, facts: HostFacts, tunnels: readonly string[] = []): Sysctl[] {
  const used = familiesOf(own);
  const sysctls: Sysctl[] = [];
  if (used.has('ipv4')) {
    sysctls.push(
      { key: 'net/ipv4/ip_forward', value: '1', why: FORWARDS },
      // Exists only with br_netfilter.
      { key: 'net/bridge/bridge-nf-call-iptables', value: '1', why: BRIDGED },
      ...loose(facts, tunnels),
    );
  }
  if (used.has('ipv6')) {
    if (facts.egress.ipv6 !== undefined) {
      sysctls.push({
        key: `net/ipv6/conf/${facts.egress.ipv6.name}/accept_ra`,
        value: '2',
        onlyIf: '1',
        why: 'with 1, a forwarding node ignores router advertisements and loses its default route',
      });
    }
    sysctls.push(
      { key: 'net/ipv6/conf/all/forwarding', value: '1', why: FORWARDS },
      { key: 'net/bridge/bridge-nf-call-ip6tables', value: '1', why: BRIDGED },
    );
  }
  return sysctls;
}

/**
 * Loosens strict reverse path filters, which would drop asymmetric traffic: while a node moves, one node may
 * send through the tunnel what the other sends directly. Other filters stay.
 */
function loose(facts: HostFacts, tunnels: readonly string[]): Sysctl[] {
  if (tunnels.length === 0) {
    return [];
  }
  const outside = facts.egress.ipv4?.name;
  return [...tunnels, ...(outside === undefined ? [] : [outside])].map((link) => ({
    key: `net/ipv4/conf/${link}/rp_filter`,
    value: '2',
    onlyIf: '1',
    effectiveMaxOf: 'net/ipv4/conf/all/rp_filter',
    ...(tunnels.includes(link) ? { transient: true as const } : {}),
    why: 'a strict filter drops asymmetric traffic, for instance while a node moves',
  }));
}

/** Returns the families of this node's podCIDRs. */
export function familiesOf(own: NodeInfo): ReadonlySet<Family> {
  return new Set(families.filter((family) => own.podCIDRs.some((cidr) => familyOf(cidr) === family)));
}
