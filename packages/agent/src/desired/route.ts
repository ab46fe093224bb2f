/** The route to one podCIDR, or why there is none. Pure. */
import type { HostFacts, NodeInfo, NodeRoute, Problem } from '../model.ts';
import { contains, overlaps, parseAddress, parsePrefix } from '../prefix.ts';

/** The route to one podCIDR, if there is to be one, and what stands against it. */
export interface RouteDecision {
  route?: NodeRoute;
  problems: Problem[];
}

/**
 * `claimants` are the nodes that claim `dst`, oldest first; `own` is this node, absent while unknown: then there is
 * no route at all, as one of them could be this node.
 */
export function desiredRoute(
  dst: string,
  claimants: readonly NodeInfo[],
  own: NodeInfo | undefined,
  facts: HostFacts,
): RouteDecision {
  const holder = claimants[0];
  const problems: Problem[] = [];
  if (holder === undefined || own === undefined) return { problems };
  if (claimants.length > 1) {
    const others = claimants.slice(1).map(({ name }) => name);
    problems.push({
      key: `claim ${dst}`,
      message: `podCIDR ${dst} is claimed by ${holder.name} and by ${others.join(', ')}; the oldest, ${holder.name}, keeps it. Give the other a podCIDR of its own`,
    });
  }
  if (claimants.some(({ name }) => name === own.name)) return { problems };
  const refuse = (message: string): RouteDecision => ({
    problems: [...problems, { key: `route ${dst}`, message }],
  });

  const prefix = parsePrefix(dst)!;
  const overlapped = own.podCIDRs.find((cidr) => overlaps(parsePrefix(cidr)!, prefix));
  if (overlapped !== undefined)
    return refuse(
      `No route to ${dst} of node ${holder.name}: it overlaps this node's own podCIDR ${overlapped}`,
    );

  const via = holder.internalIPs.find((ip) => parseAddress(ip)?.family === prefix.family);
  if (via === undefined)
    return refuse(`No route to ${dst} of node ${holder.name}: the Node has no InternalIP of that family yet`);
  if (facts.local.has(via))
    return refuse(`No route to ${dst}: InternalIP ${via} of node ${holder.name} is an address of this node`);
  if (contains(prefix, parseAddress(via)!))
    return refuse(`No route to ${dst} of node ${holder.name}: its InternalIP ${via} lies within it`);

  const hop = lookup(via, facts);
  if (hop === undefined)
    return refuse(
      `No route to ${dst} of node ${holder.name}: its InternalIP ${via} is not on a link of this node. Nodes must share an L2 network`,
    );
  return { route: { dst, via, oif: hop.oif, dev: hop.dev }, problems };
}

/** The link on which `address` is reached without a gateway, by longest prefix as the kernel would decide. */
function lookup(address: string, facts: HostFacts): { oif: number; dev: string } | undefined {
  const wanted = parseAddress(address)!;
  for (const entry of facts.table) {
    const prefix = parsePrefix(entry.dst);
    if (prefix === undefined || !contains(prefix, wanted)) continue;
    return entry.gateway || entry.oif === undefined
      ? undefined
      : { oif: entry.oif, dev: entry.dev ?? `#${entry.oif}` };
  }
  return undefined;
}
