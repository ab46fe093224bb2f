import { CniError, ErrorCode } from '@cnikit/cni-spec';
import type { Link } from '@cnikit/netlink';
import { type RtnetlinkCore, setLink } from '@cnikit/netlink/short-lived';
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

/** Sets the attributes with one message, after the one that makes the kernel announce a new MAC address. */
export function tuneLink(
  route: RtnetlinkCore,
  index: number,
  { mac, mtu, promisc, allmulti, txQLen }: LinkTuning,
): void {
  if (mac !== undefined) {
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
}
