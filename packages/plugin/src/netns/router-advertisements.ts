import type { Sys } from '@cnikit/sys';
import { ensureSysctl, setSysctl } from './sysctl.ts';

/**
 * Makes one of the node's links ignore router advertisements. A pod on that link could otherwise give the node
 * addresses and a default route wherever the node does not forward IPv6, or `accept_ra` is 2.
 *
 * @param isNew true for a link that was just created, whose setting needs no check
 * @throws {CniError} 5 when the link accepts them and cannot be changed
 */
export function ignoreRouterAdvertisements(sys: Sys, link: string, isNew = false): void {
  const set = isNew ? setSysctl : ensureSysctl;
  set(sys, `/proc/sys/net/ipv6/conf/${link}/accept_ra`, '0', true);
}
