/** Routes of other programs to addresses of this node's own podCIDRs. Pure. */
import { contains, parseNetwork } from '@cnikit/ip';
import type { Hop, HostFacts, NodeInfo } from '../core/model.ts';
import { BRIDGE_NAME } from '../core/names.ts';
import { type Problem, problem } from '../core/problem.ts';

/** Returns a problem for each route that takes packets away from the pods of this node. */
export function insideRoutes(
  { podCIDRs }: NodeInfo,
  { table, tunnels }: Pick<HostFacts, 'table' | 'tunnels'>,
): Problem[] {
  const ranges = podCIDRs.map((cidr) => ({ cidr, range: parseNetwork(cidr)! }));
  return table.flatMap((hop) => {
    // The tunnel has the first address of each podCIDR. The kernel makes a route to it.
    const isOurs = hop.dev === BRIDGE_NAME || tunnels.some(({ name }) => name === hop.dev);
    const network = isOurs ? undefined : parseNetwork(hop.dst);
    const own = network && ranges.find(({ range }) => contains(range, network));
    return own === undefined ? [] : [insideRoute(hop, own.cidr)];
  });
}

function insideRoute({ dst, dev }: Hop, cidr: string): Problem {
  const where = dev === undefined ? 'drops packets to' : `sends packets to ${dev} that are for`;
  const part = dst === cidr ? `all pods of this node (${dst})` : `pods of this node with addresses in ${dst}`;
  return problem('inside-route', dst, `A route of another program ${where} ${part}`);
}
