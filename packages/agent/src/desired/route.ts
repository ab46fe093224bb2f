/** Decides the route to a podCIDR, or why it has none. Pure. */

import {
  contains,
  type Family,
  familyOf,
  formatPrefix,
  overlaps,
  type Prefix,
  parseAddress,
  parseNetwork,
} from '@cnikit/ip';
import {
  DEFAULT_LAYOUT,
  type Encap,
  type HostFacts,
  type Layout,
  type NodeInfo,
  type NodeRoute,
  type TunnelPeer,
  type TunnelSettings,
} from '../core/model.ts';
import { defaultTunnel, tunnelName } from '../core/names.ts';
import { type Problem, problem } from '../core/problem.ts';
import { tunnelMac } from '../core/tunnel-mark.ts';
import { type ForeignRoutes, foreignRoutes } from './foreign-routes.ts';
import type { NodeIndex } from './node-index.ts';
import { tunnelGateway, underlaysOf } from './tunnel.ts';

/** The route to a podCIDR, if there is one, and the problems. */
export interface RouteDecision {
  route?: NodeRoute;
  /** Packets to this podCIDR of this node that no pod's route takes are rejected. */
  unreachable?: true;
  /** Present if the route uses the tunnel. */
  peer?: TunnelPeer;
  /** MTU of a direct route's link. */
  mtu?: number | undefined;
  problems: readonly Problem[];
}

/** Ways to reach pods. */
export interface Reachability {
  /**
   * `auto` uses the tunnel for nodes that are not on-link.
   *
   * @default 'auto'
   */
  encap?: Encap;
  /** @default `cnikit-vx`, VNI 201, port 4789 */
  tunnel?: TunnelSettings;
  /**
   * How new pods are attached.
   *
   * @default 'routed'
   */
  layout?: Layout | undefined;
  /** Upper limit of the MTU of pods and tunnels; undefined: none. */
  mtu?: number | undefined;
}

/** Input that all routes share, prepared once. */
export interface View extends Required<Omit<Reachability, 'mtu' | 'layout'>> {
  layout: Layout;
  own: NodeInfo;
  facts: HostFacts;
  ownPrefixes: ReadonlyArray<{ text: string; prefix: Prefix }>;
  /** Families of outer packets, the preferred one first. */
  underlays: readonly Family[];
  foreign: ForeignRoutes;
}

export function viewOf(
  own: NodeInfo,
  facts: HostFacts,
  { encap = 'auto', tunnel = defaultTunnel, layout = DEFAULT_LAYOUT }: Reachability = {},
): View {
  return {
    own,
    facts,
    encap,
    tunnel,
    layout,
    ownPrefixes: own.podCIDRs.map((text) => ({ text, prefix: parseNetwork(text)! })),
    underlays: underlaysOf(own),
    foreign: foreignRoutes(facts.table),
  };
}

/** Decides about the routes to `prefixes`, by default all podCIDRs. A node event needs only those of its node. */
export function desiredRoutes(
  claims: NodeIndex,
  policy: { nodeName: string } & Reachability,
  facts: HostFacts,
  prefixes: Iterable<string> = claims.prefixes(),
): Map<string, RouteDecision> {
  const own = claims.get(policy.nodeName);
  const decisions = new Map<string, RouteDecision>();
  if (own === undefined) {
    // Any of them could be this node's.
    for (const dst of prefixes) {
      decisions.set(dst, { problems: [] });
    }
    return decisions;
  }
  const view = viewOf(own, facts, policy);
  for (const dst of prefixes) {
    decisions.set(dst, desiredRoute(dst, claims.of(dst), view, claims.rivals(dst)));
  }
  return decisions;
}

const NO_PROBLEMS: readonly Problem[] = [];

/**
 * Decides the route to `dst`. `claimants` are the nodes with this podCIDR, oldest first. `rivals` are older
 * nodes with podCIDRs that overlap it.
 */
export function desiredRoute(
  dst: string,
  claimants: readonly NodeInfo[],
  view: View,
  rivals: ReadonlyArray<{ node: NodeInfo; prefix: string }> = [],
): RouteDecision {
  const holder = claimants[0];
  if (holder === undefined) {
    return { problems: NO_PROBLEMS };
  }
  const problems: readonly Problem[] = claimants.length === 1 ? NO_PROBLEMS : [claimedTwice(dst, claimants)];
  if (claimants.some(({ name }) => name === view.own.name)) {
    return view.layout === 'routed' ? { unreachable: true, problems } : { problems };
  }
  const refuse = (reason: string): RouteDecision => ({
    problems: [...problems, problem('no-route', dst, `No route to ${dst} of node ${holder.name}: ${reason}`)],
  });

  const prefix = parseNetwork(dst)!;
  const overlapped = view.ownPrefixes.find((own) => overlaps(own.prefix, prefix));
  if (overlapped !== undefined) {
    return refuse(`it overlaps this node's own podCIDR ${overlapped.text}`);
  }
  const [rival] = rivals;
  if (rival !== undefined) {
    return refuse(
      `it overlaps podCIDR ${rival.prefix} of node ${rival.node.name}, which is older and keeps it`,
    );
  }

  const family = familyOf(dst);
  const reach = reachOf(holder, family, view);
  if (reach.how === 'none') {
    return refuse(reason(reach, holder, family));
  }
  const address = reach.how === 'direct' ? reach.via : reach.remote;
  if (contains(prefix, parseAddress(address)!)) {
    return refuse(`its InternalIP ${address} lies within it`);
  }
  const inner = innerRoute(dst, prefix, holder, view);
  const diverted = inner === undefined ? problems : [...problems, inner];
  if (reach.how === 'direct') {
    return {
      route: { dst, via: reach.via, oif: reach.oif, dev: reach.dev },
      mtu: reach.mtu,
      problems: diverted,
    };
  }
  const mac = tunnelMac(holder.name);
  const gateway = tunnelGateway(dst, mac);
  const dev = tunnelName(view.tunnel, reach.underlay);
  const index = view.facts.tunnels.find(({ name }) => name === dev)?.index ?? 0;
  const route: NodeRoute = { dst, via: gateway, oif: index, dev };
  if (family === 'ipv4') {
    route.onlink = true;
  }
  return {
    route,
    peer: {
      dev,
      index,
      underlay: reach.underlay,
      mac,
      remote: reach.remote,
      mtu: reach.mtu,
      outer: reach.outer,
      gateway,
    },
    problems: diverted,
  };
}

/** Returns the problem of a foreign route inside a podCIDR: it takes the packets to a part of its pods. */
function innerRoute(dst: string, prefix: Prefix, { name }: NodeInfo, { foreign }: View): Problem | undefined {
  const inner = foreign.inside(prefix);
  if (inner === undefined) {
    return undefined;
  }
  const text = formatPrefix(inner.prefix);
  const where = inner.oif === 0 ? 'leads nowhere' : `leads to ${inner.dev}`;
  return problem(
    'foreign-route',
    text,
    `A foreign route to ${text} lies inside podCIDR ${dst} of node ${name} and ${where}, so pods there cannot be reached. If nothing needs it, remove it with \`ip route del ${text}\``,
  );
}

function claimedTwice(dst: string, [holder, ...others]: readonly NodeInfo[]): Problem {
  return problem(
    'claim',
    dst,
    `podCIDR ${dst} is claimed by ${holder!.name} and by ${others.map(({ name }) => name).join(', ')}; the oldest, ${holder!.name}, keeps it. Assign another podCIDR to the other`,
  );
}

type Reach =
  | { how: 'direct'; via: string; oif: number; dev: string; mtu?: number | undefined }
  | { how: 'tunnel'; remote: string; underlay: Family; outer: string; mtu?: number | undefined }
  | { how: 'none'; because: 'no address' | 'own address' | 'behind a router' | 'no way'; via?: string };

/** Decides how to reach the pods of a family on another node. The first address of each family counts. */
export function reachOf(node: NodeInfo, family: Family, view: View): Reach {
  const via = node.internalIPs.find((ip) => familyOf(ip) === family);
  if (via !== undefined && view.facts.localAddresses.has(via)) {
    return { how: 'none', because: 'own address', via };
  }
  if (view.encap !== 'always' && via !== undefined) {
    const hop = view.foreign.to(parseAddress(via)!);
    // A link without a link layer delivers to the far end that its own configuration chooses by destination,
    // such as WireGuard's AllowedIPs, which have no pods.
    const direct = hop !== undefined && !hop.gateway && (hop.noArp !== true || view.encap === 'never');
    if (direct) {
      return { how: 'direct', via, oif: hop.oif, dev: hop.dev, mtu: hop.mtu };
    }
  }
  if (view.encap === 'never') {
    return via === undefined
      ? { how: 'none', because: 'no address' }
      : { how: 'none', because: 'behind a router', via };
  }
  let why: Reach & { how: 'none' } = { how: 'none', because: 'no address' };
  for (const underlay of view.underlays) {
    const remote = node.internalIPs.find((ip) => familyOf(ip) === underlay);
    if (remote === undefined) {
      continue;
    }
    if (view.facts.localAddresses.has(remote)) {
      return { how: 'none', because: 'own address', via: remote };
    }
    const hop = view.foreign.to(parseAddress(remote)!);
    if (hop !== undefined) {
      return { how: 'tunnel', remote, underlay, outer: hop.dev, mtu: hop.mtu };
    }
    if (why.because === 'no address') {
      why = { how: 'none', because: 'no way', via: remote };
    }
  }
  return why;
}

function reason({ because, via }: Reach & { how: 'none' }, { name }: NodeInfo, family: Family): string {
  switch (because) {
    case 'no address':
      return `the Node has no InternalIP yet that ${family} pods can be reached through`;
    case 'own address':
      return `InternalIP ${via} of node ${name} is an address of this node`;
    case 'behind a router':
      return `its InternalIP ${via} is not on-link, and --encap=never forbids a tunnel`;
    case 'no way':
      return `this node has no route to its InternalIP ${via}`;
  }
}
