/** VLANs of bridge ports and bridges: RTM_SETLINK and RTM_DELLINK of family AF_BRIDGE. */
import { checkSpec } from '#check-spec';
import { NLM_F_DUMP } from '../codec/ack.ts';
import { type ByteOrder, type Payload, readI32, readU16 } from '../codec/bytes.ts';
import { NetlinkEncodeError } from '../codec/errors.ts';
import { attributesAfter } from '../codec/message.ts';
import type { AttributeReader } from '../codec/reader.ts';
import { type Request, requestEncoder } from '../codec/request.ts';
import { AF_BRIDGE, RTM_DELLINK, RTM_GETLINK, RTM_SETLINK } from './constants.ts';
import { IFINFOMSG_SIZE, IFLA_AF_SPEC, IFLA_IFNAME, linkTable } from './link-attributes.ts';

const IFLA_BRIDGE_FLAGS = 0;
const IFLA_BRIDGE_VLAN_INFO = 2;
const BRIDGE_FLAGS_SELF = 2;
const BRIDGE_VLAN_INFO_PVID = 2;
const BRIDGE_VLAN_INFO_UNTAGGED = 4;
const BRIDGE_VLAN_INFO_RANGE_BEGIN = 8;
const BRIDGE_VLAN_INFO_RANGE_END = 16;

/** A VLAN, or a range of VLANs, of a bridge port. */
export interface BridgeVlan {
  /** 1 to 4094. */
  vid: number;
  /** Last VLAN ID of a range that starts with `vid`. */
  last?: number;
  /** Untagged incoming frames belong to this VLAN. */
  pvid?: boolean;
  /** Outgoing frames are untagged. */
  untagged?: boolean;
}

/** VLANs to add to a bridge port or delete from it. */
export interface BridgeVlanSpec {
  /** Index of the port, or of the bridge with `self`. */
  index: number;
  vlans: readonly BridgeVlan[];
  /** Change the bridge itself instead of a port. */
  self?: boolean;
}

/** RTM_SETLINK, `bridge vlan add`. EOPNOTSUPP when the link is not a port, or the kernel lacks VLAN filtering. */
export function addBridgeVlans(spec: BridgeVlanSpec, order: ByteOrder = 'little'): Request {
  return bridgeVlans(RTM_SETLINK, spec, order, `add VLANs to bridge port #${spec.index}`);
}

/** RTM_DELLINK of family AF_BRIDGE, `bridge vlan del`. The link stays. */
export function delBridgeVlans(spec: BridgeVlanSpec, order: ByteOrder = 'little'): Request {
  return bridgeVlans(RTM_DELLINK, spec, order, `delete VLANs of bridge port #${spec.index}`);
}

function bridgeVlans(type: number, spec: BridgeVlanSpec, order: ByteOrder, describe: string): Request {
  checkSpec('VLANs of a port', spec);
  if (spec.vlans.length === 0) {
    throw new NetlinkEncodeError('BAD_REQUEST', `No VLANs given: ${describe}`);
  }
  const encoder = requestEncoder(order).putU8(AF_BRIDGE).putZeros(3).putI32(spec.index, 'index').putZeros(8);
  const token = encoder.nest(IFLA_AF_SPEC);
  if (spec.self === true) {
    encoder.u16(IFLA_BRIDGE_FLAGS, BRIDGE_FLAGS_SELF);
  }
  for (const vlan of spec.vlans) {
    checkSpec('VLAN', vlan);
    const { vid, last = vid, pvid = false, untagged = false } = vlan;
    if (vid < 1 || last > 4094 || last < vid || (pvid && last > vid)) {
      throw new NetlinkEncodeError(
        'BAD_VALUE',
        `Invalid VLANs ${vid} to ${last}: IDs are 1 to 4094, and a PVID is a single VLAN`,
      );
    }
    const flags = (pvid ? BRIDGE_VLAN_INFO_PVID : 0) | (untagged ? BRIDGE_VLAN_INFO_UNTAGGED : 0);
    const write = (id: number, more: number): void => {
      const info = encoder.nest(IFLA_BRIDGE_VLAN_INFO);
      encoder
        .putU16(flags | more)
        .putU16(id)
        .end(info);
    };
    if (last === vid) {
      write(vid, 0);
    } else {
      write(vid, BRIDGE_VLAN_INFO_RANGE_BEGIN);
      write(last, BRIDGE_VLAN_INFO_RANGE_END);
    }
  }
  encoder.end(token);
  return { type, flags: 0, payload: encoder.finish(), describe };
}

const IFLA_EXT_MASK = 29;
const RTEXT_FILTER_BRVLAN_COMPRESSED = 4;

/** The VLANs of a bridge port, or of a bridge. */
export interface BridgePortVlans {
  /** Index of the link. */
  index: number;
  name: string;
  /** Index of the bridge: that of the link itself when it is the bridge. */
  master?: number;
  /** The link is the bridge itself. */
  self?: true;
  vlans: BridgeVlan[];
}

/** RTM_GETLINK of family AF_BRIDGE, `bridge vlan show`. */
export function getBridgeVlans(order: ByteOrder = 'little'): Request {
  const encoder = requestEncoder(order)
    .putU8(AF_BRIDGE)
    .putZeros(IFINFOMSG_SIZE - 1);
  const payload = encoder.u32(IFLA_EXT_MASK, RTEXT_FILTER_BRVLAN_COMPRESSED).finish();
  return { type: RTM_GETLINK, flags: NLM_F_DUMP, payload, describe: 'dump VLANs of bridges' };
}

/**
 * Decodes the body of an RTM_NEWLINK of family AF_BRIDGE.
 *
 * @throws {NetlinkDecodeError} when the bytes are not valid netlink
 */
export function decodeBridgeVlans(payload: Payload): BridgePortVlans {
  const reader = attributesAfter(payload, IFINFOMSG_SIZE, 'ifinfomsg');
  const index = readI32(payload.bytes, payload.start + 4, payload.order === 'little');
  const port: BridgePortVlans = { index, name: '', vlans: [] };
  while (reader.next()) {
    if (reader.type === IFLA_IFNAME) {
      port.name = reader.string();
    } else if (reader.type === linkTable.master[0]) {
      port.master = reader.u32('IFLA_MASTER');
    } else if (reader.type === IFLA_AF_SPEC) {
      port.vlans = readVlans(reader.attributes('IFLA_AF_SPEC'));
    }
  }
  if (port.master === index) {
    port.self = true;
  }
  return port;
}

/** Reads each struct bridge_vlan_info. A range is two of them. */
function readVlans(reader: AttributeReader): BridgeVlan[] {
  const vlans: BridgeVlan[] = [];
  while (reader.next()) {
    if (reader.type !== IFLA_BRIDGE_VLAN_INFO) {
      continue;
    }
    reader.size(4, 'IFLA_BRIDGE_VLAN_INFO');
    const flags = readU16(reader.bytes, reader.start, reader.order === 'little');
    const vid = readU16(reader.bytes, reader.start + 2, reader.order === 'little');
    const begun = vlans.at(-1);
    if ((flags & BRIDGE_VLAN_INFO_RANGE_END) !== 0 && begun !== undefined) {
      begun.last = vid;
      continue;
    }
    const vlan: BridgeVlan = { vid };
    if ((flags & BRIDGE_VLAN_INFO_PVID) !== 0) {
      vlan.pvid = true;
    }
    if ((flags & BRIDGE_VLAN_INFO_UNTAGGED) !== 0) {
      vlan.untagged = true;
    }
    vlans.push(vlan);
  }
  return vlans;
}
