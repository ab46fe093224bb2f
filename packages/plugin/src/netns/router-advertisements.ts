import type { Sys } from '@cnikit/sys';
import { ensureSysctl } from './sysctl.ts';

/**
 * Makes one of the node's links ignore router advertisements. A pod on that link could otherwise give the node
 * addresses and a default route wherever the node does not forward IPv6, or `accept_ra` is 2.
 *
 * @throws {CniError} 5 when the link accepts them and cannot be changed
 */
export function ignoreRouterAdvertisements(sys: Sys, link: string): void {
  ensureSysctl(sys, `/proc/sys/net/ipv6/conf/${link}/accept_ra`, '0', true);
}
