/**
 * Nexthop objects, which routes name by `nextHopId`: RTM_NEWNEXTHOP, RTM_DELNEXTHOP, RTM_GETNEXTHOP (linux/nexthop.h). With the sysctl
 * `net.ipv4.nexthop_compat_mode` 0 the kernel reports such routes without gateway and link.
 */

import type { Family } from '@cnikit/ip';
import { checkSpec } from '#check-spec';
import { NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REPLACE } from '../codec/ack.ts';
import { type ByteOrder, type Payload, readU32 } from '../codec/bytes.ts';
import type { Encoder } from '../codec/encoder.ts';
import { NetlinkDecodeError, NetlinkEncodeError } from '../codec/errors.ts';
import { attributesAfter } from '../codec/message.ts';
import { type Named, nameOf, numberOf } from '../codec/names.ts';
import type { AttributeReader, UnknownAttribute } from '../codec/reader.ts';
import { type Request, requestEncoder } from '../codec/request.ts';
import { keepUnknown, refuseUnknown } from '../codec/table.ts';
import * as k from './constants.ts';
import { familyNumber, familyOfSize } from './family.ts';
import { groupTypes, protocols, type RouteProtocol } from './names.ts';

/** sizeof(struct nhmsg), sizeof(struct nexthop_grp). */
const NHMSG_SIZE = 8;
const NEXTHOP_GRP_SIZE = 8;
const NHA_ID = 1;
const NHA_GROUP = 2;
const NHA_GROUP_TYPE = 3;
const NHA_BLACKHOLE = 4;
const NHA_OIF = 5;
const NHA_GATEWAY = 6;
const NHA_FDB = 11;
const NHA_OP_FLAGS = 14;
/** NHA_OP_FLAG_RESP_GRP_RESVD_0: the upper byte of each weight is valid (Linux 6.12). */
const UPPER_WEIGHTS = 0x80000000;

/** A nexthop object, `ip nexthop`: a next hop that routes refer to by number, or a group of them. */
export interface NextHopObject {
  id: number;
  /** Gateway. */
  via?: string;
  /** Index of the link. */
  oif?: number;
  blackhole?: boolean;
  /** The objects of a group; weights from 1 to 65536, before Linux 6.12 to 256. */
  group?: Array<{ id: number; weight: number }>;
  /** Type of a group. */
  groupType?: Named<typeof groupTypes>;
  /** The gateway is on-link, even without a route to it. */
  onlink?: boolean;
  /** For forwarding entries of a VXLAN, not for routes. */
  fdb?: boolean;
  /** Family of a hop without gateway; a group has none. */
  family?: Family;
  /** Origin of the object. */
  protocol?: RouteProtocol;
  /** Attributes without a field. */
  unknown?: UnknownAttribute[];
}

/** A nexthop object to create. */
export interface NextHopObjectSpec extends Omit<NextHopObject, 'id'> {
  /**
   * ID of the object.
   *
   * @default an ID that the kernel chooses
   */
  id?: number;
  /**
   * When an object with this ID exists, `create` fails with EEXIST and `replace` replaces it.
   *
   * @default 'create'
   */
  mode?: 'create' | 'replace';
}

/**
 * RTM_NEWNEXTHOP, `ip nexthop add` or `replace`. The members of a group must exist (EINVAL).
 *
 * @throws {NetlinkEncodeError} when a value does not fit its field, or the spec has unknown attributes
 */
export function newNextHopObject(spec: NextHopObjectSpec, order: ByteOrder = 'little'): Request {
  checkSpec('nexthop object', spec);
  const { id, via, oif, group, mode } = spec;
  const name = `nexthop object ${id ?? '(unnumbered)'}`;
  refuseUnknown(`Next hop object ${id ?? ''}`, spec.unknown, nextHopAttributeNames);
  const encoder = requestEncoder(order);
  encoder.putU8(spec.family === undefined ? k.AF_UNSPEC : familyNumber(spec.family)).putU8(0);
  encoder.putU8(numberOf(protocols, spec.protocol ?? k.RTPROT_STATIC, 'protocol'), 'protocol').putU8(0);
  encoder.putU32(spec.onlink === true ? k.RTNH_F_ONLINK : 0);
  if (id !== undefined) {
    encoder.u32(NHA_ID, id, 'id');
  }
  if (group !== undefined) {
    writeGroup(encoder, group);
    if (spec.groupType !== undefined) {
      encoder.u16(NHA_GROUP_TYPE, numberOf(groupTypes, spec.groupType, 'groupType'), 'groupType');
    }
  } else if (spec.blackhole === true) {
    encoder.flag(NHA_BLACKHOLE);
  } else if (oif !== undefined) {
    encoder.u32(NHA_OIF, oif, 'oif');
  }
  if (spec.fdb === true) {
    encoder.flag(NHA_FDB);
  }
  if (via !== undefined) {
    encoder.patchU8(0, familyOfSize(encoder.address(NHA_GATEWAY, via, 'Gateway')));
  } else if (group === undefined && spec.family === undefined) {
    // The kernel refuses a hop without family, and its meaning is the same in both.
    encoder.patchU8(0, k.AF_INET);
  }
  const flags = NLM_F_CREATE | (mode === 'replace' ? NLM_F_REPLACE : NLM_F_EXCL);
  return { type: k.RTM_NEWNEXTHOP, flags, payload: encoder.finish(), describe: `new ${name}` };
}

const nextHopAttributeNames: Readonly<Record<number, string>> = {
  7: 'NHA_ENCAP_TYPE',
  8: 'NHA_ENCAP',
  12: 'NHA_RES_GROUP',
};

function writeGroup(encoder: Encoder, group: readonly { id: number; weight: number }[]): void {
  if (group.length === 0) {
    throw new NetlinkEncodeError('BAD_REQUEST', 'A group of nexthop objects needs a member');
  }
  const token = encoder.nest(NHA_GROUP);
  for (const { id, weight } of group) {
    encoder
      .putU32(id, 'id of a member')
      .putU8((weight - 1) & 0xff)
      .putU8((weight - 1) >> 8, 'upper byte of the weight of a member')
      .putZeros(2);
  }
  encoder.end(token);
}

/** RTM_DELNEXTHOP, `ip nexthop del id`. Routes and groups that use the object lose it. ENOENT when it does not exist. */
export function delNextHopObject({ id }: { id: number }, order: ByteOrder = 'little'): Request {
  const payload = requestEncoder(order).putU32(0).putU32(0).u32(NHA_ID, id, 'id').finish();
  return { type: k.RTM_DELNEXTHOP, flags: 0, payload, describe: `delete nexthop object ${id}` };
}

/** RTM_GETNEXTHOP, `ip nexthop show`. EOPNOTSUPP before Linux 5.3. */
export function getNextHopObjects(order: ByteOrder = 'little'): Request {
  const payload = requestEncoder(order).putU32(0).putU32(0).finish();
  return { type: k.RTM_GETNEXTHOP, flags: NLM_F_DUMP, payload, describe: 'list nexthop objects' };
}

/**
 * Decodes the body of an RTM_NEWNEXTHOP.
 *
 * @throws {NetlinkDecodeError} when the bytes are not valid netlink
 */
export function decodeNextHopObject(payload: Payload): NextHopObject {
  const reader = attributesAfter(payload, NHMSG_SIZE, 'nhmsg');
  let groupAt = 0;
  let upperWeights = false;
  const { bytes, start, order } = payload;
  const object: NextHopObject = { id: 0, protocol: nameOf(protocols, bytes[start + 2]!) };
  const family = bytes[start]!;
  if (family === k.AF_INET || family === k.AF_INET6) {
    object.family = family === k.AF_INET ? 'ipv4' : 'ipv6';
  }
  if ((readU32(bytes, start + 4, order === 'little') & k.RTNH_F_ONLINK) !== 0) {
    object.onlink = true;
  }
  while (reader.next()) {
    switch (reader.type) {
      case NHA_ID:
        object.id = reader.u32('NHA_ID');
        break;
      case NHA_GROUP:
        object.group = readGroup(reader);
        groupAt = reader.start;
        break;
      case NHA_BLACKHOLE:
        object.blackhole = true;
        break;
      case NHA_OIF:
        object.oif = reader.u32('NHA_OIF');
        break;
      case NHA_GATEWAY:
        object.via = reader.address('NHA_GATEWAY');
        break;
      case NHA_GROUP_TYPE:
        object.groupType = nameOf(groupTypes, reader.u16('NHA_GROUP_TYPE'));
        break;
      case NHA_OP_FLAGS:
        upperWeights = (reader.u32('NHA_OP_FLAGS') & UPPER_WEIGHTS) !== 0;
        break;
      case NHA_FDB:
        object.fdb = true;
        break;
      default:
        keepUnknown(object, reader);
    }
  }
  if (upperWeights) {
    object.group?.forEach((member, i) => {
      member.weight += bytes[groupAt + NEXTHOP_GRP_SIZE * i + 5]! << 8;
    });
  }
  return object;
}

function readGroup({ bytes, start, end, order }: AttributeReader): NonNullable<NextHopObject['group']> {
  if ((end - start) % NEXTHOP_GRP_SIZE !== 0) {
    throw new NetlinkDecodeError('BAD_LENGTH', 'NHA_GROUP', start, `${end - start} bytes`);
  }
  const members: NonNullable<NextHopObject['group']> = [];
  for (let at = start; at < end; at += NEXTHOP_GRP_SIZE) {
    members.push({ id: readU32(bytes, at, order === 'little'), weight: bytes[at + 4]! + 1 });
  }
  return members;
}
