/**
 * Links, addresses, routes, neighbours and rules of the Linux kernel, over netlink.
 *
 * ```ts
 * import { newAddress, newLink, openRtnetlink } from '@cnikit/netlink';
 *
 * const rt = openRtnetlink();
 * rt.request(newLink({ kind: 'bridge', name: 'br0', up: true }));
 * const bridge = rt.link({ name: 'br0' })!;
 * rt.request(newAddress({ index: bridge.index, address: '192.0.2.1/24' }));
 * console.log(rt.addresses({ index: bridge.index }).map(({ address }) => address));
 * rt.close();
 * ```
 *
 * @module
 */
export { type ExtendedAck, NetlinkDecodeError, NetlinkEncodeError, type Request } from './codec/index.ts';
export { Connection, type ConnectionOptions, type Decode } from './connection.ts';
export { NetlinkError } from './errors.ts';
export { createNetns, deleteNetns, listNetns, type NamedNetnsOptions } from './netns.ts';
export type { Netns } from './netns-fd.ts';
export type { OpenOptions } from './open.ts';
export { openRtnetlink, RtnetlinkConnection } from './open-rtnetlink.ts';
export {
  type Address,
  type AddressFilter,
  type AddressSpec,
  decodeAddress,
  delAddress,
  getAddresses,
  newAddress,
} from './route/address.ts';
export {
  addBridgeVlans,
  type BridgePortVlans,
  type BridgeVlan,
  type BridgeVlanSpec,
  decodeBridgeVlans,
  delBridgeVlans,
  getBridgeVlans,
} from './route/bridge-vlan.ts';
export { decodeEncap, encodeEncap, type RouteEncap } from './route/encap.ts';
export {
  addAlternativeNames,
  delAlternativeNames,
  delLink,
  delLinkGroup,
  getLink,
  getLinks,
  type LinkFilter,
  type LinkRef,
  type LinkSpec,
  type LinkUpdate,
} from './route/link.ts';
export type { BridgeAttributes } from './route/link-kinds/bridge.ts';
export type { BridgePortAttributes } from './route/link-kinds/bridge-port.ts';
export type { LinkKind, LinkKindInfo, LinkKinds } from './route/link-kinds/index.ts';
export type { VethPeer } from './route/link-kinds/veth.ts';
export { decodeLink, newLink, setLink } from './route/link-of-kind.ts';
export type { Link, LinkBase, LinkOf, LinkStatistics, OtherKind, OtherLink } from './route/link-types.ts';
export { decodeMdb, delMdbEntry, getMdb, type MdbEntry, type MdbSpec, newMdbEntry } from './route/mdb.ts';
export type {
  AddressProtocol,
  AddrGenMode,
  OperState,
  RoutePreference,
  RouteProtocol,
  RouteType,
  RoutingTable,
  RuleAction,
  Scope,
} from './route/names.ts';
export {
  decodeNeighbour,
  delNeighbour,
  getNeighbours,
  type Neighbour,
  type NeighbourFilter,
  type NeighbourSpec,
  newNeighbour,
} from './route/neighbour.ts';
export {
  decodeNextHopObject,
  delNextHopObject,
  getNextHopObjects,
  type NextHopObject,
  type NextHopObjectSpec,
  newNextHopObject,
} from './route/next-hop-object.ts';
export { decodeNetnsId, getNetnsId, type NetnsRef, newNetnsId } from './route/nsid.ts';
export { delRoute, newRoute, type RouteSpec } from './route/route.ts';
export type { NextHop, RouteMetrics } from './route/route-attributes.ts';
export { decodeRoute, type Route } from './route/route-decode.ts';
export { getRoute, getRoutes, type RouteFilter } from './route/route-queries.ts';
export {
  decodeRoutingRule,
  delRoutingRule,
  getRoutingRules,
  newRoutingRule,
  type PortRange,
  type RoutingRule,
  type RoutingRuleSpec,
} from './route/rule.ts';
export * from './tc/index.ts';
