/**
 * The pure half of the node agent: from Node objects and the kernel's tables to what a node should look like, and the
 * difference. The command `cnikit-agent` is built on it.
 *
 * ```ts
 * import { NodeIndex, desiredRoutes, hostFacts, selectNode } from '@cnikit/agent';
 *
 * const claims = new NodeIndex();
 * for (const n of [1, 2])
 *   claims.set(
 *     selectNode({
 *       metadata: { name: `n${n}`, uid: `u${n}` },
 *       spec: { podCIDRs: [`10.244.${n}.0/24`] },
 *       status: { addresses: [{ type: 'InternalIP', address: `192.0.2.${n}` }] },
 *     }),
 *   );
 * const link = { index: 2, name: 'eth0', mtu: 1500, up: true };
 * const connected = { family: 'ipv4', dst: '192.0.2.0/24', oif: 2, protocol: 2, priority: 0, type: 1 } as const;
 * const facts = hostFacts({ links: [link], addresses: [{ index: 2, address: '192.0.2.1/24' }], routes: [connected] });
 * console.log(desiredRoutes(claims, { nodeName: 'n1' }, facts).get('10.244.2.0/24')?.route);
 * // { dst: '10.244.2.0/24', via: '192.0.2.2', oif: 2, dev: 'eth0' }
 * ```
 *
 * @module
 */

export {
  type Action,
  describe,
  type KernelAction,
  type NeighbourAction,
  type RouteAction,
  type TunnelAction,
} from './core/action.ts';
export type {
  Encap,
  Hop,
  HostFacts,
  KernelAddress,
  KernelLink,
  KernelNeighbour,
  KernelRoute,
  KernelState,
  NodeInfo,
  NodeRoute,
  PresentTunnel,
  Sysctl,
  TunnelLink,
  TunnelPeer,
  TunnelSettings,
} from './core/model.ts';
export { CONFLIST_NAME, ROUTE_PROTOCOL } from './core/names.ts';
export type { Problem } from './core/problem.ts';
export { conflist } from './desired/conflist.ts';
export { type DesiredHost, desiredHost, desiredRoutes, type Policy } from './desired/desired-host.ts';
export { NodeIndex } from './desired/node-index.ts';
export type { Reachability, RouteDecision } from './desired/route.ts';
export { hostFacts } from './observe/facts.ts';
export { selectNode } from './observe/node.ts';
export { RouteTable } from './observe/route-table.ts';
export { diffRoutes, diffSysctls } from './reconcile/diff.ts';
