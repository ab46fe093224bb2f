/** The node's bridge: made once, found by name ever after. */
import { CniError, ErrorCode } from '@cnikit/cni-spec';
import {
  decodeLinkSummary,
  IFF_PROMISC,
  IFF_UP,
  NetlinkError,
  newLink,
  type RtnetlinkConnection,
  setLink,
} from '@cnikit/netlink';
import type { Sys } from '@cnikit/sys';
import { readFileIfExists } from '../../lib/read-file-if-exists.ts';
import { linkLocal } from '../../links/link-local.ts';
import { randomMac } from '../../links/mac.ts';
import { ignoreRouterAdvertisements } from '../../netns/router-advertisements.ts';
import type { Bridge } from './bridge.ts';
import type { BridgeSettings } from './settings.ts';
import { ensureVlanFiltering, usesVlans } from './vlan.ts';

/** MAC address of a bridge whose last port, which lent it one, is gone. */
const NO_MAC = '00:00:00:00:00:00';

/** Value of the sysfs file addr_assign_type for an address that was set explicitly (linux/netdevice.h). */
const NET_ADDR_SET = '3\n';

/**
 * Finds the bridge or makes it, and sees that it is up. A concurrent ADD that makes it first is fine.
 *
 * @throws CniError 7 when the name belongs to a link that is no bridge
 */
export function ensureBridge(route: RtnetlinkConnection, sys: Sys, settings: BridgeSettings): Bridge {
  const existing = lookUp(route, settings);
  const found = existing ?? createBridge(route, sys, settings);
  const bridge = found.mac === NO_MAC ? { ...found, mac: randomMac(sys) } : found;
  if (bridge.kind !== 'bridge') {
    throw new CniError(
      ErrorCode.InvalidNetworkConfig,
      `Link ${settings.bridge} exists and is no bridge${bridge.kind ? ` but a ${bridge.kind}` : ''}`,
      'Choose another name in the field "bridge", or delete that link',
    );
  }
  if (bridge !== found || (existing !== undefined && borrowsMac(sys, bridge.name))) {
    route.request(setLink({ index: bridge.index, mac: bridge.mac }));
  }
  const promiscuous = settings.promiscMode && (bridge.flags & IFF_PROMISC) === 0;
  if (!bridge.up || promiscuous) {
    route.request(setLink({ index: bridge.index, up: true, ...(promiscuous ? { promiscuous } : {}) }));
  }
  ignoreRouterAdvertisements(sys, bridge.name);
  if (usesVlans(settings)) {
    ensureVlanFiltering(route, bridge, settings);
  }
  return bridge;
}

/**
 * Whether the bridge has the MAC address of a port, which changes as ports come and go, so that the pods' neighbour
 * entries for their gateway go stale. Setting an address, even the same one, pins it.
 */
function borrowsMac(sys: Sys, name: string): boolean {
  const type = readFileIfExists(sys, `/sys/class/net/${name}/addr_assign_type`);
  // A sysfs mounted for another network namespace does not have the bridge.
  return type !== undefined && type !== NET_ADDR_SET;
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
    const bridge = find(route, settings);
    // Without IPv6 in the kernel this fails, and there is nothing to do.
    route.batchSettled(linkLocal(bridge.index, mac));
    return bridge;
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
