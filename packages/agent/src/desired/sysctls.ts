/** Decides the kernel settings of a node with pods. Pure. */

import { type Family, families, familyOf } from '@cnikit/ip';
import type { HostFacts, NodeInfo, Sysctl } from '../core/model.ts';
import { BRIDGE_NAME } from '../core/names.ts';

const FORWARDS = 'this node forwards pod traffic';
const BRIDGED = 'otherwise replies between two pods of this node bypass the NAT of Services';

/**
 * Returns the settings in the order to write them: IPv6 forwarding makes an interface with accept_ra 1 forget
 * its routes. `tunnels` are the tunnel links in use, `links` those to other nodes, tunnels included.
 */
export function desiredSysctls(
  own: NodeInfo,
  facts: HostFacts,
  tunnels: readonly string[] = [],
  links: readonly string[] = [],
): Sysctl[] {
  const used = familiesOf(own);
  const sysctls: Sysctl[] = [];
  if (used.has('ipv4')) {
    sysctls.push(
      { key: 'net/ipv4/ip_forward', value: '1', why: FORWARDS },
      ...linksForward(facts, tunnels, links),
      // Exists only with br_netfilter.
      { key: 'net/bridge/bridge-nf-call-iptables', value: '1', why: BRIDGED },
      ...loose(own, facts, tunnels, links),
    );
  }
  if (used.has('ipv6')) {
    sysctls.push(
      ...facts.raLinks.map(({ name }) => ({
        key: `net/ipv6/conf/${name}/accept_ra`,
        value: '2',
        onlyIf: '1',
        why: 'with 1, a forwarding node ignores router advertisements and loses the routes and addresses from them',
      })),
      { key: 'net/ipv6/conf/all/forwarding', value: '1', why: FORWARDS },
      { key: 'net/bridge/bridge-nf-call-ip6tables', value: '1', why: BRIDGED },
    );
  }
  return [...sysctls, ...bridgeAnswers(facts, used)];
}

/**
 * Makes the bridge answer for routed pods at once. The plugin has set it, except where it restored the bridge in the
 * agent's container and /proc/sys is read-only. Netlink cannot set it.
 */
function bridgeAnswers({ bridge, hasRoutedPods }: HostFacts, used: ReadonlySet<Family>): Sysctl[] {
  if (bridge === undefined || !hasRoutedPods) {
    return [];
  }
  const delays = families
    .filter((family) => used.has(family))
    .map((family) => ({
      key: `net/${family}/neigh/${BRIDGE_NAME}/proxy_delay`,
      value: '0',
      why: `pods on ${BRIDGE_NAME} otherwise wait up to 0.8 s for the first reply of a routed pod`,
    }));
  const proxy = {
    key: `net/ipv6/conf/${BRIDGE_NAME}/proxy_ndp`,
    value: '1',
    why: `pods on ${BRIDGE_NAME} otherwise do not reach routed pods of this node by IPv6`,
  };
  return used.has('ipv6') ? [...delays, proxy] : delays;
}

/** Returns the egress interfaces and `links`, each once. */
const pathsOf = (facts: HostFacts, links: readonly string[]): string[] => [
  ...new Set([...facts.egressInterfaces.ipv4, ...links]),
];

/**
 * Enables forwarding on each link that pods' packets arrive by. ip_forward enables it on all links, and
 * another program may disable it on one, such as systemd-networkd with IPv4Forwarding=no. A link that is
 * transient is never left to the plugin. IPv6 has one setting for all links.
 */
function linksForward(facts: HostFacts, tunnels: readonly string[], links: readonly string[]): Sysctl[] {
  return [BRIDGE_NAME, ...pathsOf(facts, links)].map((link) => ({
    key: `net/ipv4/conf/${link}/forwarding`,
    value: '1',
    impliedBy: 'net/ipv4/ip_forward',
    ...(link === BRIDGE_NAME || tunnels.includes(link) ? { transient: true as const } : {}),
    why: `this node forwards pod traffic that arrives on ${link}`,
  }));
}

/**
 * Loosens strict reverse path filters, which would drop asymmetric traffic: while a node moves, one node may
 * send through the tunnel what the other sends directly. Outer packets arrive by the link with the InternalIP,
 * which may not be the one that leads to the sender. Other filters stay.
 */
function loose(
  own: NodeInfo,
  facts: HostFacts,
  tunnels: readonly string[],
  links: readonly string[],
): Sysctl[] {
  if (tunnels.length === 0) {
    return [];
  }
  const held = own.internalIPs
    .flatMap((ip) => facts.addressLinks.get(ip) ?? [])
    .filter((name) => name !== 'lo');
  const all = [...new Set([...tunnels, ...pathsOf(facts, links), ...held])];
  return all.map((link) => ({
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
