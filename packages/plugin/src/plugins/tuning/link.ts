import { CniError, ErrorCode } from '@cnikit/cni-spec';
import { type Link, newNeighbour, type Request } from '@cnikit/netlink';
import { NUD_PERMANENT } from '@cnikit/netlink/constants';
import { type RtnetlinkCore, setLink } from '@cnikit/netlink/short-lived';
import { ignoreErrno } from '@cnikit/sys';
import { arpNotify } from '../../links/announce.ts';
import type { LinkTuning } from './settings.ts';

/**
 * Reads the pod's interface.
 *
 * @throws {CniError} 999 when the interface does not exist
 */
export function podLink(route: RtnetlinkCore, ifName: string): Link {
  const link = route.link({ name: ifName });
  if (link !== undefined) {
    return link;
  }
  throw new CniError(
    ErrorCode.Internal,
    `failed to get "${ifName}": Link not found`,
    'A previous plugin of the list must create the interface',
  );
}

/**
 * Sets the attributes with one message, after the one that makes the kernel announce a new MAC address. Keeps the permanent
 * neighbours, such as the gateway of a routed pod: the kernel deletes them with the former address.
 */
export function tuneLink(
  route: RtnetlinkCore,
  index: number,
  { mac, mtu, promisc, allmulti, txQLen }: LinkTuning,
): void {
  let neighbours: Request[] = [];
  if (mac !== undefined) {
    neighbours = permanentNeighbours(route, index);
    // Without it, neighbours find out after a while.
    route.batchSettled([arpNotify(index)]);
  }
  route.request(
    setLink({
      index,
      mac,
      mtu,
      promiscuous: promisc,
      allMulticast: allmulti,
      txQueueLength: txQLen,
    }),
  );
  if (neighbours.length > 0) {
    // The pod asks for one that the kernel has no room for.
    route.batchSettled(neighbours);
  }
}

/** Returns the requests that add the interface's permanent neighbours again. */
function permanentNeighbours(route: RtnetlinkCore, index: number): Request[] {
  // User-mode emulators of other processors do not know this dump.
  const all = ignoreErrno('EOPNOTSUPP', () => route.neighbours({ index })) ?? [];
  return all
    .filter(({ state }) => (state & NUD_PERMANENT) !== 0)
    .map(({ address, mac, flags, protocol }) => newNeighbour({ index, address, mac, flags, protocol }));
}
