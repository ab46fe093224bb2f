/** Decides the MTU of pods and tunnels. Pure. */

import { type Family, families, familyOf } from '@cnikit/ip';
import type { HostFacts, NodeInfo, TunnelLink } from '../core/model.ts';
import { type Problem, problem } from '../core/problem.ts';

/** The least MTU of a link with IPv6 (RFC 8200, section 5): the kernel has no IPv6 on links with less. */
const MIN_IPV6_MTU = 1280;

/**
 * Size of the inner Ethernet and the outer IP, UDP and VXLAN headers in bytes (RFC 7348, section 5), by outer
 * family.
 */
export const VXLAN_OVERHEAD = { ipv4: 50, ipv6: 70 } as const;

/** Ways to other nodes: their links and MTUs. */
export interface PathMtus {
  /** Least MTU of the direct routes; undefined: none, or unknown. */
  direct?: number | undefined;
  /** Families of outer packets in use, with the least MTU of the routes to the far ends if known. */
  tunnels: ReadonlyMap<Family, number | undefined>;
  /** Names of the links of direct routes and of outer packets; default: none. */
  links?: readonly string[];
}

export const noPaths: PathMtus = { tunnels: new Map() };

const hasIpv6 = ({ podCIDRs }: NodeInfo): boolean => podCIDRs.some((cidr) => familyOf(cidr) === 'ipv6');

/** A node with IPv6 pods uses at least 1280 bytes: with less, no pod could start. */
const atLeast = (own: NodeInfo, mtu: number): number => (hasIpv6(own) ? Math.max(mtu, MIN_IPV6_MTU) : mtu);

/** Returns the MTU that outer packets leave, before any limit. */
function innerMtu(own: NodeInfo, facts: HostFacts, underlay: Family, { tunnels }: PathMtus): number {
  const address = own.internalIPs.find((ip) => familyOf(ip) === underlay && facts.localAddresses.has(ip));
  const link = address === undefined ? undefined : facts.localAddresses.get(address);
  const outer = tunnels.get(underlay) ?? (link || facts.egress[underlay]?.mtu || 1500);
  return outer - VXLAN_OVERHEAD[underlay];
}

/** Returns the MTU of the tunnel link of a family. `limit` is that of `--mtu`. */
export function tunnelMtu(
  own: NodeInfo,
  facts: HostFacts,
  underlay: Family,
  paths: PathMtus,
  limit = Number.POSITIVE_INFINITY,
): number {
  return atLeast(own, Math.min(innerMtu(own, facts, underlay, paths), limit));
}

/**
 * Returns the MTU of pods: the least of the egress interfaces', the routes' to other nodes and the tunnels', since
 * a pod has one MTU for all destinations. Without any, that of the links with the InternalIPs.
 */
export function podMtu(
  own: NodeInfo,
  facts: HostFacts,
  tunnels: readonly TunnelLink[],
  { direct }: PathMtus = noPaths,
  limit?: number,
): number | undefined {
  const outside = [
    ...Object.values(facts.egress).map(({ mtu }) => mtu),
    ...(direct === undefined ? [] : [direct]),
  ];
  const mtus = outside.length > 0 ? outside : own.internalIPs.map((ip) => facts.localAddresses.get(ip) ?? 0);
  const known = [...mtus, ...tunnels.map(({ mtu }) => mtu)].filter((mtu) => mtu > 0);
  const all = limit === undefined ? known : [...known, limit];
  return all.length > 0 ? atLeast(own, Math.min(...all)) : undefined;
}

/** Returns what leaves less than 1280 bytes on a node with IPv6 pods. */
export function mtuProblems(own: NodeInfo, facts: HostFacts, paths: PathMtus, limit?: number): Problem[] {
  if (!hasIpv6(own)) {
    return [];
  }
  const problems: Problem[] = [];
  for (const underlay of paths.tunnels.keys()) {
    const inner = innerMtu(own, facts, underlay, paths);
    if (inner < MIN_IPV6_MTU) {
      const outer = inner + VXLAN_OVERHEAD[underlay];
      problems.push(
        problem(
          'low-mtu',
          `tunnel ${underlay}`,
          `The way to nodes behind a router has MTU ${outer}, which leaves ${inner} bytes in the ${underlay} tunnel, but IPv6 needs ${MIN_IPV6_MTU}. Pods and the tunnel get ${MIN_IPV6_MTU}, and this node fragments the tunnel's packets. Raise the MTU between the nodes to ${MIN_IPV6_MTU + VXLAN_OVERHEAD[underlay]} or more`,
        ),
      );
    }
  }
  for (const family of families) {
    const { name, mtu = MIN_IPV6_MTU } = facts.egress[family] ?? {};
    if (mtu < MIN_IPV6_MTU) {
      problems.push(
        problem(
          'low-mtu',
          name!,
          `Interface ${name} has MTU ${mtu}, but IPv6 needs ${MIN_IPV6_MTU}. Pods get ${MIN_IPV6_MTU}, and no IPv6 packets leave by ${name}. Raise its MTU to ${MIN_IPV6_MTU} or more`,
        ),
      );
    }
  }
  if (limit !== undefined && limit < MIN_IPV6_MTU) {
    const message = `--mtu=${limit} is below the ${MIN_IPV6_MTU} bytes that IPv6 needs, so pods get ${MIN_IPV6_MTU}. Raise it, or use IPv4 podCIDRs only`;
    problems.push(problem('low-mtu', '--mtu', message));
  }
  return [...new Map(problems.map((each) => [each.subject, each])).values()];
}
