/** 5,000 routes by @cnikit/netlink, under Node or in a static executable. */
import { delRoute, newRoute, type RouteSpec, type RtnetlinkConnection } from '@cnikit/netlink';
import { destination, GATEWAY, PROTOCOL, ROUTES, type Times } from './task.ts';

/**
 * Adds, dumps and removes the routes, once each.
 *
 * @param now milliseconds of a clock that does not go back
 */
export function measureOurs(rt: RtnetlinkConnection, oif: number, now: () => number): Times {
  const spec = (i: number): RouteSpec => ({
    dst: `${destination(i)}/24`,
    via: GATEWAY,
    oif,
    protocol: PROTOCOL,
  });
  const all = Array.from({ length: ROUTES }, (_, i) => i);
  const time = (body: () => void): number => {
    const start = now();
    body();
    return now() - start;
  };
  return {
    add: time(() => rt.batch(all.map((i) => newRoute(spec(i))))),
    dump: time(() => {
      const found = rt.routes({ family: 'ipv4', table: 'main' }).length;
      if (found < ROUTES) {
        throw new Error(`${found} routes where ${ROUTES} belong`);
      }
    }),
    remove: time(() => rt.batch(all.map((i) => delRoute(spec(i))))),
  };
}
