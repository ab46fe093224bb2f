/** The node's bridge: made once, found by name ever after. */
import { CniError, ErrorCode } from '@cnikit/cni-spec';
import {
  IFF_PROMISC,
  type Link,
  NetlinkError,
  newLink,
  type RouteConnection,
  setLink,
} from '@cnikit/netlink';
import type { Sys } from '@cnikit/sys';
import type { BridgeSettings } from '../config.ts';
import { randomMac } from '../mac.ts';

/**
 * Finds the bridge or makes it, and sees that it is up. A concurrent ADD that makes it first is fine.
 *
 * @throws CniError 7 when the name belongs to a link that is no bridge
 */
export function ensureBridge(route: RouteConnection, sys: Sys, settings: BridgeSettings): Link {
  const bridge = route.link({ name: settings.bridge }) ?? createBridge(route, sys, settings);
  if (bridge.kind !== 'bridge') {
    throw new CniError(
      ErrorCode.InvalidNetworkConfig,
      `Link ${settings.bridge} exists and is no bridge${bridge.kind ? ` but a ${bridge.kind}` : ''}`,
      'Choose another name in the field "bridge", or delete that link',
    );
  }
  if (!bridge.up || (settings.promiscMode && (bridge.flags & IFF_PROMISC) === 0)) {
    route.request(
      setLink({ index: bridge.index, up: true, ...(settings.promiscMode ? { promiscuous: true } : {}) }),
    );
  }
  return bridge;
}

function createBridge(route: RouteConnection, sys: Sys, settings: BridgeSettings): Link {
  try {
    route.request(
      newLink({
        kind: 'bridge',
        name: settings.bridge,
        up: true,
        // One that the kernel chooses would follow the ports as they come and go, and neighbours would lose it.
        mac: randomMac(sys),
        ...(settings.mtu > 0 ? { mtu: settings.mtu } : {}),
      }),
    );
  } catch (error) {
    if (!(error instanceof NetlinkError) || error.code !== 'EEXIST') throw error;
  }
  const bridge = route.link({ name: settings.bridge });
  if (bridge === undefined) {
    throw new CniError(
      ErrorCode.TryAgainLater,
      `Bridge ${settings.bridge} vanished while it was set up`,
      'Something else deletes it; try again',
    );
  }
  return bridge;
}
