/** The table of `cnikit-agent status`: a row for each pod network of each other node, as this node has it. Pure. */

import { type KernelAction, placeOf } from '../../core/action.ts';
import type { NodeRoute } from '../../core/model.ts';
import { type Problem, problemKey } from '../../core/problem.ts';
import type { Claims } from '../../desired/claims.ts';

/** `none`: there is to be none, for a reason that is told. `foreign`: a route of somebody else is in its place. */
export type RouteState = 'ok' | 'missing' | 'wrong' | 'foreign' | 'none';

export interface StatusRow {
  node: string;
  podCIDR: string;
  /** The node's own address of that family, if it has one. */
  internalIP?: string;
  route: RouteState;
  /** Why there is no route, or what stands in its way. */
  reason?: string;
  via?: string;
  dev?: string;
  /** How packets travel: as they are, or inside of a tunnel. */
  encap?: 'direct' | 'tunnel';
  /** What the kernel believes of the next hop to the node's address, such as `reachable`; `unknown` when it has no entry. */
  neighbour: string;
  /** When the agent last changed the route, RFC 3339; absent when it has not since it started. */
  changed?: string;
}

export interface StatusInput {
  claims: Claims;
  nodeName: string;
  wanted: ReadonlyMap<string, NodeRoute>;
  /** What would have to change. */
  actions: readonly KernelAction[];
  problems: readonly Problem[];
  /** Names of the tunnels' links. */
  tunnels: readonly string[];
  /** State of the neighbour through which an address is reached. */
  neighbour: (address: string) => string;
  /** When each route was changed, ms since the epoch. */
  changed: ReadonlyMap<string, number>;
}

export function statusRows(input: StatusInput): StatusRow[] {
  const { claims, nodeName } = input;
  const actions = new Map(input.actions.map((action) => [placeOf(action), action]));
  const problems = new Map(input.problems.map((problem) => [problemKey(problem), problem.message]));
  return [...claims.nodes()]
    .filter(({ name }) => name !== nodeName)
    .sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
    .flatMap((node) =>
      node.podCIDRs.map((podCIDR): StatusRow => {
        const isV6 = podCIDR.includes(':');
        const internalIP = node.internalIPs.find((ip) => ip.includes(':') === isV6);
        const wanted = input.wanted.get(podCIDR);
        const changed = input.changed.get(podCIDR);
        return {
          node: node.name,
          podCIDR,
          ...(internalIP === undefined ? {} : { internalIP }),
          ...stateOf(podCIDR, wanted, actions.get(podCIDR), problems),
          ...(wanted === undefined
            ? {}
            : { via: wanted.via, dev: wanted.dev, encap: encapOf(wanted, input.tunnels) }),
          neighbour: internalIP === undefined ? 'unknown' : input.neighbour(internalIP),
          ...(changed === undefined ? {} : { changed: new Date(changed).toISOString() }),
        };
      }),
    );
}

const encapOf = ({ dev }: NodeRoute, tunnels: readonly string[]): 'direct' | 'tunnel' =>
  tunnels.includes(dev) ? 'tunnel' : 'direct';

function stateOf(
  dst: string,
  wanted: NodeRoute | undefined,
  action: KernelAction | undefined,
  problems: ReadonlyMap<string, string>,
): { route: RouteState; reason?: string } {
  const foreign = problems.get(problemKey({ kind: 'foreign-route', subject: dst }));
  if (foreign !== undefined) {
    return { route: 'foreign', reason: foreign };
  }
  if (wanted === undefined) {
    const reason =
      problems.get(problemKey({ kind: 'no-route', subject: dst })) ??
      problems.get(problemKey({ kind: 'claim', subject: dst }));
    return { route: 'none', ...(reason === undefined ? {} : { reason }) };
  }
  if (action === undefined) {
    return { route: 'ok' };
  }
  return { route: action.op === 'add' ? 'missing' : 'wrong' };
}
