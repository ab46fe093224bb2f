/** The node's bridge: made once, found by name ever after. */
import { CniError, ErrorCode } from '@cnikit/cni-spec';
import {
  decodeLinkSummary,
  IFF_PROMISC,
  IFF_UP,
  type Link,
  type LinkSummary,
  NetlinkError,
  newLink,
  type RtnetlinkConnection,
  setLink,
} from '@cnikit/netlink';
import { O_WRONLY, type Sys, SysError } from '@cnikit/sys';
import { linkLocal } from '../../links/link-local.ts';
import { randomMac } from '../../links/mac.ts';
import type { BridgeSettings } from './settings.ts';
import { ensureVlanFiltering, usesVlans } from './vlan.ts';

/** What a bridge has that had its MAC from ports which are gone. */
const NO_MAC = '00:00:00:00:00:00';

/** The bridge; with its own settings where VLANs ask for them. */
export type Bridge = LinkSummary & Pick<Link, 'bridge'>;

/**
 * Finds the bridge or makes it, and sees that it is up. A concurrent ADD that makes it first is fine.
 *
 * @throws CniError 7 when the name belongs to a link that is no bridge
 */
export function ensureBridge(route: RtnetlinkConnection, sys: Sys, settings: BridgeSettings): Bridge {
  const found = lookUp(route, settings) ?? createBridge(route, sys, settings);
  const bridge = found.mac === NO_MAC ? { ...found, mac: randomMac(sys) } : found;
  if (bridge.kind !== 'bridge') {
    throw new CniError(
      ErrorCode.InvalidNetworkConfig,
      `Link ${settings.bridge} exists and is no bridge${bridge.kind ? ` but a ${bridge.kind}` : ''}`,
      'Choose another name in the field "bridge", or delete that link',
    );
  }
  if (bridge !== found) {
    route.request(setLink({ index: bridge.index, mac: bridge.mac as string }));
  }
  const promiscuous = settings.promiscMode && (bridge.flags & IFF_PROMISC) === 0;
  if (!bridge.up || promiscuous) {
    route.request(setLink({ index: bridge.index, up: true, ...(promiscuous ? { promiscuous } : {}) }));
  }
  if (usesVlans(settings)) {
    ensureVlanFiltering(route, bridge, settings);
  }
  return bridge;
}

function createBridge(route: RtnetlinkConnection, sys: Sys, settings: BridgeSettings): Bridge {
  try {
    // A MAC that the kernel chooses would follow the ports as they come and go, and neighbours would lose it.
    const mac = randomMac(sys);
    route.request(
      newLink({
        kind: 'bridge',
        name: settings.bridge,
        up: true,
        mac,
        ...(settings.mtu > 0 ? { mtu: settings.mtu } : {}),
      }),
    );
    return prepared(route, sys, find(route, settings), mac);
  } catch (error) {
    if (!(error instanceof NetlinkError) || error.code !== 'EEXIST') {
      throw error;
    }
    return find(route, settings);
  }
}

function lookUp(route: RtnetlinkConnection, settings: BridgeSettings): Bridge | undefined {
  const name = settings.bridge;
  if (usesVlans(settings)) {
    return route.link({ name });
  }
  const device = route.device(name);
  // Nearly always it is there, and a bridge; whatever else it is has more to tell.
  if (device?.driver !== 'bridge') {
    return device && route.link({ name }, decodeLinkSummary);
  }
  const { index, flags, mac } = device;
  return {
    name,
    index,
    flags,
    up: (flags & IFF_UP) !== 0,
    kind: 'bridge',
    ...(mac === undefined ? {} : { mac }),
  };
}

function find(route: RtnetlinkConnection, settings: BridgeSettings): Bridge {
  const bridge = lookUp(route, settings);
  if (bridge === undefined) {
    throw new CniError(
      ErrorCode.TryAgainLater,
      `Bridge ${settings.bridge} vanished while it was set up`,
      'Something else deletes it; try again',
    );
  }
  return bridge;
}

/** The new bridge with what only its maker does. Without IPv6 in the kernel there is nothing to do, which is fine. */
function prepared(route: RtnetlinkConnection, sys: Sys, bridge: Bridge, mac: string): Bridge {
  route.batchSettled(linkLocal(bridge.index, mac));
  try {
    // No pod shall give the node a route.
    sys.writeText(`/proc/sys/net/ipv6/conf/${bridge.name}/accept_ra`, '0', { flags: O_WRONLY });
  } catch (error) {
    if (!(error instanceof SysError)) {
      throw error;
    }
  }
  return bridge;
}
