/**
 * Completes routes through nexthop objects, as routing daemons make them. With `net.ipv4.nexthop_compat_mode` 0
 * the kernel reports them without gateway and link.
 */
import {
  decodeNextHopObject,
  getNextHopObjects,
  type NextHop,
  type NextHopObject,
  type Route,
  type RtnetlinkConnection,
} from '@cnikit/netlink';

/** Asks for the objects only if a route needs them. */
export function withNextHops(connection: RtnetlinkConnection, routes: readonly Route[]): readonly Route[] {
  if (!routes.some(isIncomplete)) {
    return routes;
  }
  const listed = connection.connection.dump(getNextHopObjects(), decodeNextHopObject);
  return resolveNextHops(routes, new Map(listed.map((object) => [object.id, object])));
}

/** Returns the routes with the gateways and links of their objects. Pure. */
export function resolveNextHops(
  routes: readonly Route[],
  objects: ReadonlyMap<number, NextHopObject>,
): Route[] {
  const hopOf = (id: number, weight?: number): NextHop[] => {
    const object = objects.get(id);
    return object === undefined || object.blackhole ? [] : [{ via: object.via, oif: object.oif, weight }];
  };
  return routes.map((route) => {
    const object = isIncomplete(route) ? objects.get(route.nextHopId!) : undefined;
    if (object === undefined) {
      return route;
    }
    return object.group === undefined
      ? { ...route, ...hopOf(object.id)[0] }
      : { ...route, nextHops: object.group.flatMap(({ id, weight }) => hopOf(id, weight)) };
  });
}

const isIncomplete = ({ nextHopId, oif, nextHops }: Route): boolean =>
  nextHopId !== undefined && oif === undefined && nextHops === undefined;
