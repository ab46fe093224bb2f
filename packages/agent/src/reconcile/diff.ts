/** From what is and what should be to what to do. Pure and printable: `plan` shows it, `apply` does it. */

import type { NeighbourAction, RouteAction, SysctlAction, TunnelAction } from '../core/action.ts';
import {
  type KernelRoute,
  type NodeRoute,
  type PresentTunnel,
  RTN_UNICAST,
  type Sysctl,
  type TunnelLink,
} from '../core/model.ts';
import { ROUTE_PROTOCOL } from '../core/names.ts';
import { type Problem, problem } from '../core/problem.ts';
import type { RouteDecision } from '../desired/route.ts';
import { sameTunnel } from '../desired/tunnel.ts';
import type { TunnelPeers } from '../desired/tunnel-peers.ts';
import type { NeighbourTable } from '../observe/neighbour-table.ts';
import { isOwn, type RouteTable } from '../observe/route-table.ts';

/** Linux' metric when none is given: 0 for IPv4, IP6_RT_PRIO_USER for IPv6 (include/uapi/linux/ipv6_route.h). */
export const defaultMetric = (dst: string): number => (dst.includes(':') ? 1024 : 0);

/** The kernel's view of a route that the agent makes. */
export function asKernelRoute({ dst, via, oif }: NodeRoute): KernelRoute {
  return {
    family: dst.includes(':') ? 'ipv6' : 'ipv4',
    dst,
    via,
    oif,
    protocol: ROUTE_PROTOCOL,
    priority: defaultMetric(dst),
    type: RTN_UNICAST,
  };
}

/**
 * What to do at each decided destination, and with `complete` also at those of own routes that nothing stands for any
 * more. A foreign route to the same destination is a problem to report; it is never touched.
 */
export function diffRoutes(
  decisions: ReadonlyMap<string, RouteDecision>,
  table: RouteTable,
  complete: boolean,
): { actions: RouteAction[]; problems: Problem[] } {
  const actions: RouteAction[] = [];
  const problems: Problem[] = [];
  for (const [dst, { route }] of decisions) {
    diffAt(dst, route);
  }
  if (complete) {
    for (const dst of table.own()) {
      if (!decisions.has(dst)) {
        diffAt(dst, undefined);
      }
    }
  }
  return { actions, problems };

  function diffAt(dst: string, route: NodeRoute | undefined): void {
    const present = table.at(dst);
    const own = present.filter(isOwn);
    const foreign = present.find((other) => !isOwn(other));
    if (route !== undefined && foreign !== undefined) {
      problems.push(problem('foreign-route', dst, inTheWay(route, foreign)));
    }
    const kept = route === undefined ? undefined : own.find((have) => matches(have, route));
    if (route !== undefined && kept === undefined && foreign === undefined) {
      const old = own.find((have) => have.priority === defaultMetric(dst));
      if (old !== undefined) {
        for (const have of own) {
          if (have !== old) {
            actions.push({ kind: 'route', op: 'remove', old: have });
          }
        }
        actions.push({ kind: 'route', op: 'change', route, old });
        return;
      }
      actions.push({ kind: 'route', op: 'add', route });
    }
    for (const have of own) {
      if (have !== kept) {
        actions.push({ kind: 'route', op: 'remove', old: have });
      }
    }
  }
}

function matches(have: KernelRoute, want: NodeRoute): boolean {
  return (
    have.via === want.via &&
    have.oif === want.oif &&
    have.type === RTN_UNICAST &&
    have.priority === defaultMetric(want.dst)
  );
}

function inTheWay(want: NodeRoute, foreign: KernelRoute): string {
  const hop = foreign.via === undefined ? 'without a gateway' : `via ${foreign.via}`;
  return `A route that is not ours is in the way of ${want.dst} via ${want.via}: it goes ${hop} (protocol ${foreign.protocol}, metric ${foreign.priority}) and is left alone. Remove it by \`ip route del ${want.dst} proto ${foreign.protocol}\` if nothing needs it`;
}

/** The tunnel's links: each made when some node is reached by it (`wanted`), and any other tunnel of ours removed. */
export function diffTunnels(
  present: readonly PresentTunnel[],
  wanted: readonly TunnelLink[],
): TunnelAction[] {
  const actions: TunnelAction[] = [];
  const made = new Set<TunnelLink>();
  for (const old of present) {
    const link = wanted.find(({ name }) => name === old.name);
    const same = link === undefined ? 'remake' : sameTunnel(old, link);
    if (same === 'remake') {
      actions.push({ kind: 'tunnel', op: 'remove', old });
    } else {
      made.add(link!);
    }
    if (same === 'change') {
      actions.push({ kind: 'tunnel', op: 'change', link: link!, old });
    }
  }
  for (const link of wanted) {
    if (!made.has(link)) {
      actions.push({ kind: 'tunnel', op: 'add', link });
    }
  }
  return actions;
}

/** What to do about the entries of those keys; `nameOf` gives the name of a tunnel's link. */
export function diffPeers(
  peers: TunnelPeers,
  table: NeighbourTable,
  keys: Iterable<string>,
  nameOf: (index: number) => string,
): NeighbourAction[] {
  const actions: NeighbourAction[] = [];
  for (const key of keys) {
    const want = peers.at(key);
    const have = table.at(key);
    const kept = have.find(({ mac, address }) => mac === want?.mac && address === want.address);
    // One that differs is replaced in its place.
    if (want === undefined || have.length > 1) {
      for (const entry of have) {
        if (entry !== kept) {
          actions.push({ kind: 'neighbour', op: 'remove', entry, dev: nameOf(entry.index) });
        }
      }
    }
    if (want === undefined || kept !== undefined) {
      continue;
    }
    const { dev, dst, ...entry } = want;
    actions.push({ kind: 'neighbour', op: 'put', entry, dev, dst });
  }
  return actions;
}

/** `current` maps a key to its value; a key that cannot be read is absent and left alone. */
export function diffSysctls(
  desired: readonly Sysctl[],
  current: ReadonlyMap<string, string>,
): SysctlAction[] {
  const actions: SysctlAction[] = [];
  for (const { key, value, onlyIf, why } of desired) {
    const from = current.get(key);
    if (from === undefined || from === value || (onlyIf !== undefined && from !== onlyIf)) {
      continue;
    }
    actions.push({ kind: 'sysctl', key, from, to: value, why });
  }
  return actions;
}
