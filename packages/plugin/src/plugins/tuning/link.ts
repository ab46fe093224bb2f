import { CniError, ErrorCode } from '@cnikit/cni-spec';
import { type Link, type RtnetlinkConnection, setLink } from '@cnikit/netlink';
import type { LinkTuning } from './settings.ts';

/** The pod's interface. Throws CniError 999 when it is not there. */
export function podLink(route: RtnetlinkConnection, ifName: string): Link {
  const link = route.link({ name: ifName });
  if (link !== undefined) {
    return link;
  }
  throw new CniError(
    ErrorCode.Internal,
    `failed to get "${ifName}": Link not found`,
    'Another plugin of the list has to make the interface first',
  );
}

/** Sets the attributes by one message. */
export function tuneLink(
  route: RtnetlinkConnection,
  index: number,
  { mac, mtu, promisc, allmulti, txQLen }: LinkTuning,
): void {
  route.request(
    setLink({
      index,
      ...(mac === undefined ? {} : { mac }),
      ...(mtu === undefined ? {} : { mtu }),
      ...(promisc === undefined ? {} : { promiscuous: promisc }),
      ...(allmulti === undefined ? {} : { allMulticast: allmulti }),
      ...(txQLen === undefined ? {} : { txQueueLength: txQLen }),
    }),
  );
}
