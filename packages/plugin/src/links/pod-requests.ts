/** The requests for addresses and routes of a pod's interface. Those that most pods need are copies of templates. */
import type { Route } from '@cnikit/cni-spec';
import { newAddress, newRoute, type Request, type RouteSpec } from '@cnikit/netlink';
import { IFA_F_NOPREFIXROUTE } from '@cnikit/netlink/constants';
import { Template } from '@cnikit/netlink/short-lived';
import { broadcastOf, isIPv6, subnetOf } from '../lib/prefix.ts';
import { INDEX, IPV4, IPV6 } from './examples.ts';

const ipv4With = (flags: number) =>
  new Template(
    ({ index, address }) => newAddress({ index, address, broadcast: broadcastOf(address), flags }),
    { index: INDEX, address: `${IPV4}/24` },
  );
const ipv6With = (flags: number) =>
  new Template(({ index, address }) => newAddress({ index, address, nodad: true, flags }), {
    index: INDEX,
    address: `${IPV6}/64`,
  });
const IPV4_ADDRESS = ipv4With(0);
const IPV6_ADDRESS = ipv6With(0);
const IPV4_ALONE = ipv4With(IFA_F_NOPREFIXROUTE);
const IPV6_ALONE = ipv6With(IFA_F_NOPREFIXROUTE);

/**
 * Returns the request for an address.
 *
 * @param flags IFA_F_*
 * @param nodad skips duplicate address detection, which IPv6 has
 */
export function addressRequest(index: number, address: string, flags: number, nodad: boolean): Request {
  const isTemplate = flags === 0 || flags === IFA_F_NOPREFIXROUTE;
  if (isIPv6(address)) {
    return isTemplate && nodad
      ? (flags === 0 ? IPV6_ADDRESS : IPV6_ALONE).fill({ index, address })
      : newAddress({ index, address, nodad, flags });
  }
  return isTemplate
    ? (flags === 0 ? IPV4_ADDRESS : IPV4_ALONE).fill({ index, address })
    : newAddress({ index, address, broadcast: broadcastOf(address), flags });
}

const defaultRoute = (dst: string, via: string) =>
  new Template((route) => newRoute({ dst, ...route }), { via, oif: INDEX });
const IPV4_DEFAULT = defaultRoute('0.0.0.0/0', IPV4);
const IPV6_DEFAULT = defaultRoute('::/0', IPV6);

/** Returns the request for a route of the result. */
export function routeRequest(index: number, route: Route): Request {
  const { dst, gw } = route;
  const template = dst === '0.0.0.0/0' ? IPV4_DEFAULT : dst === '::/0' ? IPV6_DEFAULT : undefined;
  if (template !== undefined && gw !== undefined && isPlain(route)) {
    return template.fill({ via: gw, oif: index });
  }
  return newRoute(podRoute(index, route));
}

const isPlain = ({ mtu, advmss, priority, table, scope }: Route): boolean =>
  !mtu && !advmss && !priority && table === undefined && scope === undefined;

/** Returns the route for an interface. */
export function podRoute(index: number, { dst, gw, mtu, advmss, priority, table, scope }: Route): RouteSpec {
  const metrics = { ...(mtu ? { mtu } : {}), ...(advmss ? { advmss } : {}) };
  return {
    // The kernel refuses host bits in IPv4 routes and clears them in IPv6 routes.
    dst: subnetOf(dst),
    oif: index,
    via: gw,
    ...(mtu || advmss ? { metrics } : {}),
    ...(priority ? { priority } : {}),
    table,
    scope,
  };
}
