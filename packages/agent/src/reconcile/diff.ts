/** Compares the present with the desired state. Pure: `plan` prints the actions, `apply` carries them out. */

import type { NeighbourAction, RouteAction, SysctlAction, TunnelAction } from '../core/action.ts';
import {
  type KernelRoute,
  type NodeRoute,
  type PresentTunnel,
  RTN_UNICAST,
  RTN_UNREACHABLE,
  type Sysctl,
  type TunnelLink,
  UNREACHABLE_METRIC,
  type UnreachableRoute,
} from '../core/model.ts';
import { ROUTE_PROTOCOL } from '../core/names.ts';
import { type Problem, problem } from '../core/problem.ts';
import type { RouteDecision } from '../desired/route.ts';
import { sameTunnel } from '../desired/tunnel.ts';
import type { TunnelPeers } from '../desired/tunnel-peers.ts';
import type { NeighbourTable } from '../observe/neighbour-table.ts';
import { isOwn, type RouteTable } from '../observe/route-table.ts';

/** Linux' default metric: 0 for IPv4, IP6_RT_PRIO_USER for IPv6 (include/uapi/linux/ipv6_route.h). */
export const defaultMetric = (dst: string): number => (dst.includes(':') ? 1024 : 0);

/** Returns a desired route as the kernel shows it. */
export function asKernelRoute(route: NodeRoute | UnreachableRoute): KernelRoute {
  const { dst } = route;
  if ('unreachable' in route) {
    return {
      family: dst.includes(':') ? 'ipv6' : 'ipv4',
      dst,
      protocol: ROUTE_PROTOCOL,
      priority: UNREACHABLE_METRIC,
      type: RTN_UNREACHABLE,
    };
  }
  const { via, oif } = route;
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
 * Compares the routes at each decided destination, and with `complete` also our routes to destinations
 * without a decision. A foreign route to the same destination is reported as a problem and never touched.
 */
export function diffRoutes(
  decisions: ReadonlyMap<string, RouteDecision>,
  table: RouteTable,
  complete: boolean,
): { actions: RouteAction[]; problems: Problem[] } {
  const actions: RouteAction[] = [];
  const problems: Problem[] = [];
  for (const [dst, { route, unreachable }] of decisions) {
    if (unreachable) {
      diffUnreachable(dst);
    } else {
      diffAt(dst, route);
    }
  }
  if (complete) {
    for (const dst of table.own()) {
      if (!decisions.has(dst)) {
        diffAt(dst, undefined);
      }
    }
  }
  return { actions, problems };

  function diffUnreachable(dst: string): void {
    const own = table.at(dst).filter(isOwn);
    const kept = own.find(
      ({ type, priority }) => type === RTN_UNREACHABLE && priority === UNREACHABLE_METRIC,
    );
    for (const old of own) {
      if (old !== kept) {
        actions.push({ kind: 'route', op: 'remove', old });
      }
    }
    const foreign = table.at(dst).find((other) => !isOwn(other) && other.priority === UNREACHABLE_METRIC);
    if (foreign !== undefined) {
      problems.push(problem('foreign-route', dst, conflictMessage(`unreachable ${dst}`, foreign)));
    } else if (kept === undefined) {
      actions.push({ kind: 'route', op: 'add', route: { dst, unreachable: true } });
    }
  }

  function diffAt(dst: string, route: NodeRoute | undefined): void {
    const present = table.at(dst);
    const own = present.filter(isOwn);
    const foreign = present.find((other) => !isOwn(other));
    if (route !== undefined && foreign !== undefined) {
      problems.push(problem('foreign-route', dst, conflictMessage(`${dst} via ${route.via}`, foreign)));
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

function conflictMessage(want: string, foreign: KernelRoute): string {
  const hop = foreign.via === undefined ? 'without a gateway' : `via ${foreign.via}`;
  return `A foreign route conflicts with ${want}: it leads ${hop} (protocol ${foreign.protocol}, metric ${foreign.priority}) and is left alone. If nothing needs it, remove it with \`ip route del ${foreign.dst} proto ${foreign.protocol}\``;
}

/** Compares the tunnel links. Links of ours that are not among `wanted` are removed. */
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

/** Compares the entries with these keys. `nameOf` returns the name of a tunnel link. */
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
    // A single entry that differs is replaced by the put.
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

/** Compares settings. `current` has values by key; unreadable settings are absent and stay. */
export function diffSysctls(
  desired: readonly Sysctl[],
  current: ReadonlyMap<string, string>,
): SysctlAction[] {
  const actions: SysctlAction[] = [];
  for (const { key, value, onlyIf, impliedBy, why } of desired) {
    const from = current.get(key);
    if (from === undefined || from === value || (onlyIf !== undefined && from !== onlyIf)) {
      continue;
    }
    if (impliedBy !== undefined && current.get(impliedBy) !== '1') {
      continue;
    }
    actions.push({ kind: 'sysctl', key, from, to: value, why });
  }
  return actions;
}
