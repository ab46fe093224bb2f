/** The node's bridge: the first ADD creates it, later ones find it by name. */
import { CniError, ErrorCode } from '@cnikit/cni-spec';
import { NetlinkError } from '@cnikit/netlink';
import { IFF_PROMISC, IFF_UP } from '@cnikit/netlink/constants';
import {
  type Device,
  decodeLinkSummary,
  device,
  deviceDriver,
  newLink,
  type RtnetlinkCore,
  setLink,
} from '@cnikit/netlink/short-lived';
import type { Sys } from '@cnikit/sys';
import { readFileIfExists } from '../../lib/read-file-if-exists.ts';
import { linkLocal } from '../../links/link-local.ts';
import { randomMac } from '../../links/mac.ts';
import { ignoreRouterAdvertisements } from '../../netns/router-advertisements.ts';
import { answerForRoutedPods } from '../routed/bridge-proxy.ts';
import type { Bridge } from './bridge.ts';
import { type BridgeSettings, usesVlans } from './settings.ts';
import { ensureVlanFiltering } from './vlan.ts';

/** MAC address of a bridge that has lost the port whose address it used. */
const NO_MAC = '00:00:00:00:00:00';

/** Value of the sysfs file addr_assign_type for an address that was set explicitly (linux/netdevice.h). */
const NET_ADDR_SET = '3\n';

/**
 * Finds or creates the bridge and sets it up. A concurrent ADD may create it first.
 *
 * @param mac MAC address of a new bridge; random if absent
 * @throws {CniError} 7 when a link of that name exists and is not a bridge
 */
export function ensureBridge(route: RtnetlinkCore, sys: Sys, settings: BridgeSettings, mac?: string): Bridge {
  const existing = lookUp(route, settings);
  const found = existing ?? createBridge(route, sys, settings, mac ?? randomMac(sys));
  const bridge = found.mac === NO_MAC ? { ...found, mac: randomMac(sys) } : found;
  if (bridge.kind !== 'bridge') {
    throw new CniError(
      ErrorCode.InvalidNetworkConfig,
      `"${settings.bridge}" already exists but is not a bridge${bridge.kind ? ` (it is a ${bridge.kind})` : ''}`,
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
 * Returns true when the bridge may use the MAC address of a port. Such an address changes with the ports, and then the pods'
 * neighbour entries for their gateway are stale. Setting an address, even the same one, pins it.
 */
function borrowsMac(sys: Sys, name: string): boolean {
  // A sysfs mounted for another network namespace does not have the bridge: then the address may be borrowed.
  return readFileIfExists(sys, `/sys/class/net/${name}/addr_assign_type`) !== NET_ADDR_SET;
}

/** `mac`: an address that the kernel chooses would change with the ports, and neighbour entries would become stale. */
function createBridge(route: RtnetlinkCore, sys: Sys, settings: BridgeSettings, mac: string): Bridge {
  try {
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
    // This fails when the kernel has no IPv6; ignore that.
    route.batchSettled(linkLocal(bridge.index, mac));
    answerForRoutedPods(sys, route, settings.bridge);
    return bridge;
  } catch (error) {
    if (!(error instanceof NetlinkError) || error.code !== 'EEXIST') {
      throw error;
    }
    return find(route, settings);
  }
}

function lookUp(route: RtnetlinkCore, settings: BridgeSettings): Bridge | undefined {
  const name = settings.bridge;
  if (usesVlans(settings)) {
    return route.link({ name });
  }
  const found = device(route, name);
  // The common case is an existing bridge. For any other link, read its kind for the error message.
  if (found === undefined || !isBridge(route, found)) {
    return found && route.link({ name }, decodeLinkSummary);
  }
  const { index, flags, mac } = found;
  return {
    name,
    index,
    flags,
    up: (flags & IFF_UP) !== 0,
    kind: 'bridge',
    mac,
  };
}

/**
 * Returns true for a bridge. The link's driver answers that too, but only under the kernel's interface lock, and concurrent
 * ADDs would wait. `bridge_id` is priority and MAC address, `8000.02005e100001`; a sysfs mounted for another
 * network namespace may lack the bridge or have another one of that name.
 */
function isBridge(route: RtnetlinkCore, { name, mac = '' }: Device): boolean {
  const id = readFileIfExists(route.connection.socket.sys, `/sys/class/net/${name}/bridge/bridge_id`);
  return id?.slice(5, -1) === mac.replaceAll(':', '') || deviceDriver(route, name) === 'bridge';
}

function find(route: RtnetlinkCore, settings: BridgeSettings): Bridge {
  const bridge = lookUp(route, settings);
  if (bridge === undefined) {
    throw new CniError(
      ErrorCode.TryAgainLater,
      `Bridge ${settings.bridge} disappeared during setup`,
      'Another program deletes it; try again',
    );
  }
  return bridge;
}
