/**
 * Nodes, pods and an outside host made of network namespaces. Agents, plugins and pings run in them as on real
 * nodes.
 *
 * ```ts
 * const lab = await Lab.create();
 * const n1 = await lab.addNode('n1');
 * console.log(await ping(n1, ROUTER.ipv6)); // true
 * await lab.destroy();
 * ```
 */
export { type DualStack, NETWORK, podCidrs, ROUTER } from './addressing.ts';
export type { ExecOptions, Outcome } from './command.ts';
export { LabError, type LabErrorCode } from './errors.ts';
export { Lab } from './lab.ts';
export type { Namespace, StartOptions } from './namespace.ts';
export type { LabNode } from './node.ts';
export type { Outside } from './outside.ts';
export { type PeerServer, sourceSeenBy, startPeerServer } from './peer.ts';
export { ping, type SteadyPing, startPing } from './ping.ts';
export type { Pod } from './pod.ts';
export { type CniResult, type ConfList, loadConfList } from './runtime.ts';
export { exitOf, fileEvents, kernelEvents, until, type Wake } from './until.ts';
