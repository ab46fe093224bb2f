/** Configuration of the pod's interface with one batch inside its namespace: addresses, up, routes. */
import type { Route } from '@cnikit/cni-spec';
import { type NetlinkError, newRoute, type Request, type RouteSpec } from '@cnikit/netlink';
import { RTM_NEWADDR } from '@cnikit/netlink/constants';
import { type RtnetlinkCore, setLink, Template } from '@cnikit/netlink/short-lived';
import type { Sys } from '@cnikit/sys';
import { isIPv6 } from '../lib/prefix.ts';
import { arpNotify, prepareIPv6 } from './announce.ts';
import { INDEX } from './examples.ts';
import { linkLocal } from './link-local.ts';
import { addressRequest, podRoute, routeRequest } from './pod-requests.ts';

/** The desired configuration of the pod's interface. */
export interface PodInterface {
  ifName: string;
  /** Index in the pod's namespace. */
  index: number;
  /** Value of CNI_NETNS. */
  netns: string;
  mac: string;
  /** The interface has another MAC address so far. */
  isMacNew?: boolean | undefined;
  /** Addresses with prefix lengths. */
  addresses: readonly string[];
  /** Routes with all next hops filled in. */
  routes: readonly Route[];
  /**
   * The addresses that neighbours may know with another MAC address; all if absent. Without IPv6 addresses among them, no
   * visit to the pod's namespace is necessary: a lookup of a file of /proc/sys/net takes the longer, the more namespaces
   * have looked up that name.
   */
  announced?: readonly string[] | undefined;
  /**
   * Leaves the announcement of the addresses to the caller. What the kernel sends while it brings the link up can come too
   * early for a port of a bridge.
   */
  isAnnouncedLater?: boolean;
  /** Keeps the kernel from soliciting routers, by a visit to the pod's namespace. */
  noRouterSolicitations?: boolean;
  /** Enables duplicate address detection for IPv6; the addresses are unusable until it ends. */
  detectDuplicates?: boolean;
  /** Additional flags (IFA_F_*) of the addresses. */
  addressFlags?: number;
  /** Returns requests for permanent neighbours, which the pod need not ask for. */
  neighbours?: (index: number) => Request[];
  /** Returns routes that must exist before the others, with their requests. */
  linkRoutes?: (index: number) => { route: RouteSpec; request: Request }[];
}

/**
 * Gives the pod's interface its addresses and routes and brings it up.
 *
 * IPv6 addresses skip duplicate address detection, because IPAM guarantees that they are unique, and so does the
 * link-local address. So they work when ADD returns; detection would take a second.
 */
export function configurePodInterface(sys: Sys, route: RtnetlinkCore, pod: PodInterface): void {
  const { index, mac, addresses, announced = addresses, addressFlags = 0, detectDuplicates } = pod;
  const announcedIPv6 = countIPv6(announced);
  const isAnnounced = announcedIPv6 > 0;
  const hasIPv6 = announced === addresses ? isAnnounced : countIPv6(addresses) > 0;
  const solicits = !pod.noRouterSolicitations;
  const visits = isAnnounced || !solicits;
  if (visits) {
    prepareIPv6(sys, pod.netns, pod.ifName, { isUsed: hasIPv6, isAnnounced, solicits });
  }
  const isArpNotified = announcedIPv6 < announced.length;
  // The kernel takes its interface lock for each message.
  const batch = detectDuplicates ? [] : linkLocal(index, mac, isArpNotified);
  // Without IPv6 addresses, the pod's namespace may have no IPv6.
  const optional = hasIPv6 ? 0 : batch.length;
  if (pod.isMacNew) {
    batch.push(setLink({ index, mac }));
  }
  if (isArpNotified && detectDuplicates) {
    batch.push(arpNotify(index));
  }
  // The kernel announces the addresses that a link has when it comes up.
  if (pod.isAnnouncedLater) {
    batch.push(UP.fill({ index }));
  }
  for (const address of addresses) {
    batch.push(addressRequest(index, address, addressFlags, !detectDuplicates));
  }
  if (!pod.isAnnouncedLater) {
    batch.push(UP.fill({ index }));
  }
  if (pod.neighbours !== undefined) {
    batch.push(...pod.neighbours(index));
  }
  const firstRoute = batch.length;
  const linkRoutes = pod.linkRoutes?.(index);
  if (linkRoutes !== undefined) {
    batch.push(...linkRoutes.map(({ request }) => request));
  }
  for (const one of pod.routes) {
    batch.push(routeRequest(index, one));
  }
  const settled = route.batchSettled(batch);
  if (settled.length === 0) {
    return;
  }
  if (isArpNotified && settled.some(({ index: at = -1 }) => at < optional)) {
    route.request(arpNotify(index));
  }
  const failures = settled.filter(({ index: at = optional }) => at >= optional);
  const [first] = failures;
  if (first === undefined) {
    return;
  }
  if (!visits && failures.some(isIPv6Off)) {
    // While the link is up, the kernel would run duplicate address detection for its link-local address.
    route.request(setLink({ index, up: false }));
    const ipv6 = addresses.filter(isIPv6);
    configurePodInterface(sys, route, { ...pod, announced: ipv6, addresses: ipv6 });
    return;
  }
  const isRoute = ({ index: at = 0 }: NetlinkError) => at >= firstRoute;
  if (!failures.every(isRoute) || !failures.some(isTaken)) {
    throw first;
  }
  const routes = [
    ...(linkRoutes ?? []).map((one) => one.route),
    ...pod.routes.map((one) => podRoute(index, one)),
  ];
  for (const { index: at = 0 } of failures) {
    addRouteBehind(route, routes[at - firstRoute]!);
  }
}

function countIPv6(addresses: readonly string[]): number {
  let count = 0;
  for (const address of addresses) {
    if (isIPv6(address)) {
      count++;
    }
  }
  return count;
}

const UP = new Template(({ index }) => setLink({ index, up: true }), { index: INDEX });

/** The kernel refuses addresses of links that have `disable_ipv6`. */
const isIPv6Off = ({ code, request }: NetlinkError): boolean =>
  code === 'EACCES' && request?.type === RTM_NEWADDR;
const isTaken = ({ code, cause }: NetlinkError): boolean => code === 'EEXIST' && cause === undefined;

/** Maximum number of equal routes of other interfaces. */
const MAX_EQUAL_ROUTES = 64;
/** Metric of IPv6 routes without one. */
const IP6_RT_PRIO_USER = 1024;

/** Adds a route with the first free metric: an interface that came earlier keeps its equal route, and has precedence. */
function addRouteBehind(route: RtnetlinkCore, spec: RouteSpec): void {
  let { priority = isIPv6(spec.dst) ? IP6_RT_PRIO_USER : 0 } = spec;
  const last = priority + MAX_EQUAL_ROUTES;
  for (; ; priority++) {
    const [failure] = route.batchSettled([newRoute({ ...spec, priority })]);
    if (failure === undefined) {
      return;
    }
    if (!isTaken(failure) || priority === last) {
      throw failure;
    }
  }
}
