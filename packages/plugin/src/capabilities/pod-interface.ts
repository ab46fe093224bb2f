/** The pod's end: up, addresses, routes, by one batch inside the namespace. */
import { CniError, ErrorCode, type Route } from '@cnikit/cni-spec';
import {
  IN6_ADDR_GEN_MODE_NONE,
  newAddress,
  newRoute,
  type Request,
  type RouteConnection,
  setLink,
} from '@cnikit/netlink';
import { linkLocalAddress } from '../mac.ts';

/**
 * Gives the pod's interface its addresses and routes and brings it up.
 *
 * IPv6 addresses skip the detection of duplicates, since IPAM has just said that they are unique: they work
 * when ADD returns, where detection would take a second. The link-local address is added by hand for the same
 * reason, and the kernel kept from making another.
 */
export function configurePodInterface(
  route: RouteConnection,
  ifName: string,
  mac: string,
  addresses: readonly string[],
  routes: readonly Route[],
): void {
  const link = route.link({ name: ifName });
  if (link === undefined) {
    throw new CniError(ErrorCode.Internal, `Interface ${ifName} vanished from the container's namespace`);
  }
  const { index } = link;
  const batch: Request[] = [];
  const ipv6 = addresses.some((address) => address.includes(':'));
  if (ipv6) batch.push(setLink({ index, addrGenMode: IN6_ADDR_GEN_MODE_NONE }));
  batch.push(setLink({ index, up: true }));
  if (ipv6) batch.push(newAddress({ index, address: `${linkLocalAddress(mac)}/64`, nodad: true }));
  for (const address of addresses) batch.push(newAddress({ index, address, nodad: true }));
  for (const { dst, gw, mtu, advmss, priority, table, scope } of routes) {
    batch.push(
      newRoute({
        dst,
        oif: index,
        ...(gw === undefined ? {} : { via: gw }),
        ...(mtu ? { mtu } : {}),
        ...(advmss ? { advmss } : {}),
        ...(priority ? { priority } : {}),
        ...(table === undefined ? {} : { table }),
        ...(scope === undefined ? {} : { scope }),
      }),
    );
  }
  route.batch(batch);
}
