/** VLANs of bridge ports, with the bridge's VLAN filtering. */
import { CniError, ErrorCode } from '@cnikit/cni-spec';
import { delLink, NetlinkError, type Request } from '@cnikit/netlink';
import { Encoder } from '@cnikit/netlink/codec';
import { AF_BRIDGE, RTM_DELLINK, RTM_SETLINK } from '@cnikit/netlink/constants';
import {
  decodeLinkSummary,
  type LinkSummary,
  newLink,
  type RtnetlinkCore,
  setLink,
} from '@cnikit/netlink/short-lived';
import type { Sys } from '@cnikit/sys';
import { randomMac } from '../../links/mac.ts';
import { vlanPortName } from '../../links/names.ts';
import { ignoreRouterAdvertisements } from '../../netns/router-advertisements.ts';
import type { Bridge } from './bridge.ts';
import type { BridgeSettings } from './settings.ts';
import type { VlanRange } from './vlan-ranges.ts';

const IFLA_AF_SPEC = 26;
const IFLA_BRIDGE_VLAN_INFO = 2;
const BRIDGE_VLAN_INFO_PVID = 1 << 1;
const BRIDGE_VLAN_INFO_UNTAGGED = 1 << 2;
const BRIDGE_VLAN_INFO_RANGE_BEGIN = 1 << 3;
const BRIDGE_VLAN_INFO_RANGE_END = 1 << 4;

/**
 * Enables VLAN filtering. Without it the bridge would pass frames of all VLANs to all pods.
 *
 * @throws {CniError} 2 when the kernel was built without VLAN filtering
 */
export function ensureVlanFiltering(
  route: RtnetlinkCore,
  bridge: Bridge,
  { vlan, vlanTrunk }: BridgeSettings,
): void {
  if (bridge.bridge?.vlanFiltering === true) {
    return;
  }
  try {
    route.request(setLink({ index: bridge.index, kind: 'bridge', vlanFiltering: true }));
  } catch (error) {
    if (!(error instanceof NetlinkError) || error.code !== 'EOPNOTSUPP') {
      throw error;
    }
    throw new CniError(
      ErrorCode.UnsupportedField,
      vlan === 0
        ? `Unsupported field vlanTrunk: ${JSON.stringify(vlanTrunk)}`
        : `Unsupported field vlan: ${vlan}`,
      'This kernel lacks CONFIG_BRIDGE_VLAN_FILTERING',
    );
  }
}

/** Returns the requests that replace a port's default VLAN by its own VLANs. */
export function portVlans(
  port: number,
  bridge: Bridge,
  {
    vlan,
    vlanTrunk,
    preserveDefaultVlan,
  }: Pick<BridgeSettings, 'vlan' | 'vlanTrunk' | 'preserveDefaultVlan'>,
): Request[] {
  const requests: Request[] = [];
  const given = bridge.bridge?.vlanDefaultPvid ?? 1;
  if (!preserveDefaultVlan && given !== 0) {
    requests.push(vlanRequest(RTM_DELLINK, port, [{ first: given, last: given }], 0));
  }
  if (vlan !== 0) {
    const flags = BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED;
    requests.push(vlanRequest(RTM_SETLINK, port, [{ first: vlan, last: vlan }], flags));
  }
  if (vlanTrunk.length > 0) {
    requests.push(vlanRequest(RTM_SETLINK, port, vlanTrunk, 0));
  }
  return requests;
}

/**
 * Finds or creates the node's own interface in a VLAN of the bridge, for the gateway addresses. As upstream, it is one end
 * of a veth pair, named after bridge and VLAN; the other end is a bridge port with that VLAN. The interface is set up last,
 * so an interface that is down belongs to a concurrent or killed ADD and is completed here.
 */
export function ensureVlanGateway(
  route: RtnetlinkCore,
  sys: Sys,
  settings: BridgeSettings,
  bridge: Bridge,
): LinkSummary {
  const name = `${settings.bridge}.${settings.vlan}`;
  const find = (end: string) => route.link({ name: end }, decodeLinkSummary);
  const existing = find(name);
  if (existing?.up === true) {
    ignoreRouterAdvertisements(sys, name);
    return existing;
  }
  const port = vlanPortName(settings.bridge, settings.vlan);
  const made = existing === undefined && makeVlanGateway(route, sys, settings, bridge, port, name);
  try {
    const gateway = find(name);
    if (gateway === undefined) {
      throw disappeared(name);
    }
    // A port of upstream has another name, and has its VLANs already.
    const portLink = find(port);
    ignoreRouterAdvertisements(sys, name);
    const vlans = portLink === undefined ? [] : portVlans(portLink.index, bridge, settings);
    route.batch([...vlans, setLink({ index: gateway.index, up: true })]);
    return gateway;
  } catch (error) {
    if (made) {
      route.batchSettled([delLink({ name: port })]);
    }
    throw error;
  }
}

/** Creates the pair. Returns false when another ADD was faster. */
function makeVlanGateway(
  route: RtnetlinkCore,
  sys: Sys,
  { mtu }: BridgeSettings,
  bridge: Bridge,
  port: string,
  name: string,
): boolean {
  const size = mtu > 0 ? { mtu } : {};
  const peer = { name, mac: randomMac(sys), ...size };
  try {
    route.request(newLink({ kind: 'veth', name: port, master: bridge.index, up: true, ...size, peer }));
    return true;
  } catch (error) {
    if (!(error instanceof NetlinkError) || error.code !== 'EEXIST') {
      throw error;
    }
    return false;
  }
}

function disappeared(name: string): CniError {
  return new CniError(
    ErrorCode.TryAgainLater,
    `VLAN interface ${name} disappeared during setup`,
    'Another program deletes it; try again',
  );
}

/** Returns the request of `bridge vlan add` or `bridge vlan del` for ranges. */
function vlanRequest(type: number, port: number, ranges: readonly VlanRange[], flags: number): Request {
  const encoder = new Encoder().putU8(AF_BRIDGE).putZeros(3).putI32(port).putU32(0).putU32(0);
  const spec = encoder.nest(IFLA_AF_SPEC);
  const put = (id: number, more: number) => {
    const info = encoder.nest(IFLA_BRIDGE_VLAN_INFO);
    encoder
      .putU16(flags | more)
      .putU16(id)
      .end(info);
  };
  for (const { first, last } of ranges) {
    if (first === last) {
      put(first, 0);
    } else {
      put(first, BRIDGE_VLAN_INFO_RANGE_BEGIN);
      put(last, BRIDGE_VLAN_INFO_RANGE_END);
    }
  }
  encoder.end(spec);
  const ids = ranges.map(({ first, last }) => (first === last ? first : `${first}-${last}`)).join(',');
  const describe = `${type === RTM_DELLINK ? 'remove' : 'set'} VLAN ${ids} of port #${port}`;
  return { type, flags: 0, payload: encoder.finish(), describe };
}
