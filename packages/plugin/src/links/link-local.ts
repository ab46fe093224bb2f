import { newAddress, type Request } from '@cnikit/netlink';
import { setLink } from '@cnikit/netlink/short-lived';
import { linkLocalAddress } from './mac.ts';

/**
 * Requests that give a link its IPv6 link-local address immediately. Without them the kernel adds the address when the
 * link gets a carrier and then runs duplicate address detection, during which the link cannot resolve neighbours.
 *
 * The address is the one that the kernel derives from the MAC address, and the mode makes the kernel restore it when
 * the link goes down and up again.
 */
export function linkLocal(index: number, mac: string): Request[] {
  return [
    setLink({ index, addrGenMode: 'eui64' }),
    newAddress({ index, address: `${linkLocalAddress(mac)}/64`, nodad: true, replace: true }),
  ];
}
