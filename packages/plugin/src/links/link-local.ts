import { type LinkUpdate, newAddress, type Request } from '@cnikit/netlink';
import { setLink, Template } from '@cnikit/netlink/short-lived';
import { ANNOUNCING } from './announce.ts';
import { INDEX, MAC } from './examples.ts';
import { linkLocalAddress } from './mac.ts';

/**
 * Requests that give a link its IPv6 link-local address immediately. Without them the kernel adds the address when the
 * link gets a carrier and then runs duplicate address detection, during which the link cannot resolve neighbours.
 *
 * The address is the one that the kernel derives from the MAC address, and the mode makes the kernel restore it when
 * the link goes down and up again.
 *
 * @param announced sends {@link ANNOUNCING} with the mode. A kernel without IPv6 refuses both
 */
export function linkLocal(index: number, mac: string, announced = false): Request[] {
  return [(announced ? MODE_ANNOUNCING : MODE).fill({ index }), addressOf(index, mac)];
}

const modeWith = (ipv4Conf?: LinkUpdate['ipv4Conf']) =>
  new Template(({ index }) => setLink({ index, addrGenMode: 'eui64', ipv4Conf }), { index: INDEX });
const MODE = modeWith();
const MODE_ANNOUNCING = modeWith(ANNOUNCING);

/**
 * Requests that bring up a link without a carrier. The settings come first: at each one of a link that is up, the
 * kernel looks at all IPv6 routes of the node (`addrconf_notify()` of NETDEV_CHANGE).
 *
 * @param mac gives the link its link-local address, as {@link linkLocal} does
 */
export function bringUp(
  index: number,
  mac: string | undefined,
  ipv4Conf?: LinkUpdate['ipv4Conf'],
): Request[] {
  const addrGenMode = mac === undefined ? undefined : 'eui64';
  return [
    ...(addrGenMode || ipv4Conf ? [setLink({ index, addrGenMode, ipv4Conf })] : []),
    setLink({ index, up: true }),
    ...(mac === undefined ? [] : [addressOf(index, mac)]),
  ];
}

function addressOf(index: number, mac: string): Request {
  return ADDRESS.fill({ index, mac });
}

const ADDRESS = new Template(
  ({ index, mac }) =>
    newAddress({ index, address: `${linkLocalAddress(mac)}/64`, nodad: true, replace: true }),
  { index: INDEX, mac: MAC },
);
