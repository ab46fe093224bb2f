/** VLANs of a bridge's ports, by the bridge's own filtering. */
import { CniError, ErrorCode } from '@cnikit/cni-spec';
import {
  AF_BRIDGE,
  decodeLinkSummary,
  delLink,
  type LinkSummary,
  NetlinkError,
  newLink,
  type Request,
  RTM_DELLINK,
  RTM_SETLINK,
  type RtnetlinkConnection,
  setLink,
} from '@cnikit/netlink';
import { Encoder } from '@cnikit/netlink/codec';
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

/** Whether the network's ports have VLANs, so that the bridge has to filter. */
export function usesVlans({ vlan, vlanTrunk }: Pick<BridgeSettings, 'vlan' | 'vlanTrunk'>): boolean {
  return vlan !== 0 || vlanTrunk.length > 0;
}

/**
 * Makes the bridge filter VLANs: one that does not would pass frames of every VLAN to every pod.
 *
 * @throws CniError 2 when the kernel has been built without that
 */
export function ensureVlanFiltering(
  route: RtnetlinkConnection,
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
      'Bridges of this kernel do not filter VLANs: it lacks CONFIG_BRIDGE_VLAN_FILTERING',
    );
  }
}

/** Requests that give a port its VLANs, instead of the one that the bridge gave it when it joined. */
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
 * The node's own end in a VLAN of the bridge, which holds the gateway addresses: a veth pair named after bridge
 * and VLAN, as the reference makes it, whose other end is a port with that VLAN. It is up once it has all it needs, so
 * that one which another ADD is making, or was killed at, is completed.
 */
export function ensureVlanGateway(
  route: RtnetlinkConnection,
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
      throw vanished(name);
    }
    // The reference names its ports otherwise, and gives them their VLANs before all else.
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

/** Whether the pair is of this call; false when another ADD was faster. */
function makeVlanGateway(
  route: RtnetlinkConnection,
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

function vanished(name: string): CniError {
  return new CniError(
    ErrorCode.TryAgainLater,
    `VLAN interface ${name} vanished while it was set up`,
    'Something else deletes it; try again',
  );
}

/** `bridge vlan add` or `del`, of ranges. */
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
