/**
 * Nexthop objects, which routes name by `nextHopId`: RTM_GETNEXTHOP (linux/nexthop.h). With the sysctl
 * `net.ipv4.nexthop_compat_mode` 0 the kernel reports such routes without gateway and link.
 */
import { NLM_F_DUMP } from '../codec/ack.ts';
import { type ByteOrder, type Payload, readU32 } from '../codec/bytes.ts';
import { NetlinkDecodeError } from '../codec/errors.ts';
import { attributesAfter } from '../codec/message.ts';
import type { AttributeReader } from '../codec/reader.ts';
import { type Request, requestEncoder } from '../codec/request.ts';
import { RTM_GETNEXTHOP } from './constants.ts';

/** sizeof(struct nhmsg), sizeof(struct nexthop_grp). */
const NHMSG_SIZE = 8;
const NEXTHOP_GRP_SIZE = 8;
const NHA_ID = 1;
const NHA_GROUP = 2;
const NHA_BLACKHOLE = 4;
const NHA_OIF = 5;
const NHA_GATEWAY = 6;

/** A nexthop object, `ip nexthop`: a next hop that routes refer to by number, or a group of them. */
export interface NextHopObject {
  id: number;
  /** Gateway. */
  via?: string;
  /** Index of the link. */
  oif?: number;
  blackhole?: true;
  /** The objects of a group. */
  group?: Array<{ id: number; weight: number }>;
}

/** RTM_GETNEXTHOP, `ip nexthop show`. EOPNOTSUPP before Linux 5.3. */
export function getNextHopObjects(order: ByteOrder = 'little'): Request {
  const payload = requestEncoder(order).putU32(0).putU32(0).finish();
  return { type: RTM_GETNEXTHOP, flags: NLM_F_DUMP, payload, describe: 'list nexthop objects' };
}

/**
 * Decodes the body of an RTM_NEWNEXTHOP.
 *
 * @throws {NetlinkDecodeError} when the bytes are not valid netlink
 */
export function decodeNextHopObject(payload: Payload): NextHopObject {
  const reader = attributesAfter(payload, NHMSG_SIZE, 'nhmsg');
  const object: NextHopObject = { id: 0 };
  while (reader.next()) {
    switch (reader.type) {
      case NHA_ID:
        object.id = reader.u32('NHA_ID');
        break;
      case NHA_GROUP:
        object.group = readGroup(reader);
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
    }
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
