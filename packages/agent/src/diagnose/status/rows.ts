/** Rows of `cnikit-agent status`: one for each podCIDR of each other node, as this node routes it. Pure. */

import { type KernelAction, placeOf } from '../../core/action.ts';
import type { NodeRoute } from '../../core/model.ts';
import { type Problem, problemKey } from '../../core/problem.ts';
import type { NodeIndex } from '../../desired/node-index.ts';

/** `none`: no route is possible, see `reason`. `foreign`: another program's route has its destination. */
export type RouteState = 'ok' | 'missing' | 'wrong' | 'foreign' | 'none';

export interface StatusRow {
  node: string;
  podCIDR: string;
  /** The node's address of that family. */
  internalIP?: string | undefined;
  route: RouteState;
  /** Why there is no route, or which route conflicts. */
  reason?: string | undefined;
  via?: string | undefined;
  dev?: string | undefined;
  encap?: 'direct' | 'tunnel' | undefined;
  /** Kernel state of the next hop to the node's address, such as `reachable`; `unknown` without an entry. */
  neighbour: string;
  /** When the running agent last changed the route, RFC 3339. */
  changed?: string | undefined;
}

export interface StatusInput {
  claims: NodeIndex;
  nodeName: string;
  wanted: ReadonlyMap<string, NodeRoute>;
  /** Differences from the desired state. */
  actions: readonly KernelAction[];
  problems: readonly Problem[];
  /** Names of the tunnel links. */
  tunnels: readonly string[];
  /** Returns the state of the next hop to an address. */
  neighbour: (address: string) => string;
  /** Time of each route's last change, ms since the epoch. */
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
          internalIP,
          ...stateOf(podCIDR, wanted, actions.get(podCIDR), problems),
          via: wanted?.via,
          dev: wanted?.dev,
          encap: wanted && encapOf(wanted, input.tunnels),
          neighbour: internalIP === undefined ? 'unknown' : input.neighbour(internalIP),
          changed: changed === undefined ? undefined : new Date(changed).toISOString(),
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
): Pick<StatusRow, 'route' | 'reason'> {
  const foreign = problems.get(problemKey({ kind: 'foreign-route', subject: dst }));
  if (foreign !== undefined) {
    return { route: 'foreign', reason: foreign };
  }
  if (wanted === undefined) {
    const reason =
      problems.get(problemKey({ kind: 'no-route', subject: dst })) ??
      problems.get(problemKey({ kind: 'claim', subject: dst }));
    return { route: 'none', reason };
  }
  if (action === undefined) {
    return { route: 'ok' };
  }
  return { route: action.op === 'add' ? 'missing' : 'wrong' };
}
