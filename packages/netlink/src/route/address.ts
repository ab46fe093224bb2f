/** Addresses of links: RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR. */

import type { Family } from '@cnikit/ip';
import { checkSpec } from '#check-spec';
import { NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REPLACE } from '../codec/ack.ts';
import { type ByteOrder, type Payload, readU32 } from '../codec/bytes.ts';
import { attributesAfter } from '../codec/message.ts';
import { nameOf, numberOf } from '../codec/names.ts';
import type { UnknownAttribute } from '../codec/reader.ts';
import { type Request, requestEncoder } from '../codec/request.ts';
import { keepUnknown, refuseUnknown } from '../codec/table.ts';
import { IFA_F_NODAD, RTM_DELADDR, RTM_GETADDR, RTM_NEWADDR } from './constants.ts';
import { addressEnd, familyFilter, familyOfSize, familyWord, lengthOf } from './family.ts';
import { IFNAMSIZ } from './link-attributes.ts';
import { type AddressProtocol, addressProtocols, type Scope, scopes } from './names.ts';

const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_LABEL = 3;
const IFA_BROADCAST = 4;
const IFA_CACHEINFO = 6;
const IFA_FLAGS = 8;
const IFA_RT_PRIORITY = 9;
const IFA_TARGET_NETNSID = 10;
const IFA_PROTO = 11;
const IFADDRMSG_SIZE = 8;
/** An infinite lifetime in seconds. */
export const INFINITY_LIFE_TIME = 0xffffffff;

/** An address to add to a link or delete from it. */
export interface AddressSpec {
  /** Index of the link. */
  index: number;
  /** `10.0.0.2/24`; without a length /32 or /128. */
  address: string;
  /**
   * Remote end of a point-to-point link; `address` is the local end.
   *
   * Without a prefix length it has that of `address`.
   */
  peer?: string;
  broadcast?: string | undefined;
  /**
   * The kernel determines that of IPv6.
   *
   * @default 'global'
   */
  scope?: Scope;
  /** Skip duplicate address detection (IPv6). */
  nodad?: boolean;
  /** More IFA_F_*. */
  flags?: number;
  /** IPv4: alias name that starts with the link's name. */
  label?: string;
  /** Metric of the route that comes with the address. */
  routePriority?: number;
  /** Origin of the address (Linux 5.18). */
  protocol?: AddressProtocol;
  /**
   * Lifetimes in seconds.
   *
   * @default infinite
   */
  validLifetime?: number;
  preferredLifetime?: number;
  /**
   * Change an address that exists instead of failing with EEXIST.
   *
   * @default false
   */
  replace?: boolean;
  /** Attributes of a decoded address without a field: a request with any is refused. */
  unknown?: readonly UnknownAttribute[];
}

/** RTM_NEWADDR, `ip address add`, or `replace`. */
export function newAddress(spec: AddressSpec, order: ByteOrder = 'little'): Request {
  const flags = NLM_F_CREATE | (spec.replace === true ? NLM_F_REPLACE : NLM_F_EXCL);
  const describe = `new address ${spec.address} on link #${spec.index}`;
  return { type: RTM_NEWADDR, flags, payload: encodeAddress(spec, order), describe };
}

/** RTM_DELADDR, `ip address del`. EADDRNOTAVAIL when the link does not have it. */
export function delAddress(spec: AddressSpec, order: ByteOrder = 'little'): Request {
  const describe = `delete address ${spec.address} of link #${spec.index}`;
  return { type: RTM_DELADDR, flags: 0, payload: encodeAddress(spec, order), describe };
}

function encodeAddress(spec: AddressSpec, order: ByteOrder): Uint8Array {
  checkSpec('address', spec);
  refuseUnknown(`Address ${spec.address}`, spec.unknown);
  const { address } = spec;
  const peer = spec.peer === undefined ? address : withLength(spec.peer, address);
  const flags = (spec.flags ?? 0) | (spec.nodad === true ? IFA_F_NODAD : 0);
  const encoder = requestEncoder(order);
  encoder
    .putU8(0)
    .putU8(0)
    .putU8(flags & 0xff)
    .putU8(numberOf(scopes, spec.scope ?? 0, 'scope'), 'scope')
    .putU32(spec.index, 'index');
  const size = encoder.addressText(IFA_LOCAL, address, 0, addressEnd(address, 'Address'), 'Address');
  if (spec.broadcast !== undefined) {
    encoder.address(IFA_BROADCAST, spec.broadcast, 'Broadcast address');
  }
  const end = addressEnd(peer, 'Peer address');
  const peerSize = encoder.addressText(IFA_ADDRESS, peer, 0, end, 'Peer address');
  encoder.patchU8(0, familyOfSize(size)).patchU8(1, lengthOf(peer, end, peerSize, 'Address'));
  if (spec.label !== undefined) {
    encoder.string(IFA_LABEL, spec.label, IFNAMSIZ);
  }
  if (flags > 0xff) {
    encoder.u32(IFA_FLAGS, flags, 'flags');
  }
  if (spec.routePriority !== undefined) {
    encoder.u32(IFA_RT_PRIORITY, spec.routePriority, 'routePriority');
  }
  if (spec.protocol !== undefined) {
    encoder.u8(IFA_PROTO, numberOf(addressProtocols, spec.protocol, 'protocol'), 'protocol');
  }
  if (spec.validLifetime !== undefined || spec.preferredLifetime !== undefined) {
    const info = encoder.nest(IFA_CACHEINFO);
    const valid = spec.validLifetime ?? INFINITY_LIFE_TIME;
    encoder
      .putU32(spec.preferredLifetime ?? valid, 'preferredLifetime')
      .putU32(valid, 'validLifetime')
      .putZeros(8)
      .end(info);
  }
  return encoder.finish();
}

const withLength = (peer: string, address: string): string =>
  peer.includes('/') ? peer : peer + address.slice(addressEnd(address, 'Address'));

/** Filter of a dump of addresses. */
export interface AddressFilter {
  family?: Family;
  /** Index of the link. */
  index?: number;
  /**
   * ID of another network namespace to list (`linkNetnsId` of a veth), which needs neither a mount nor setns(2). Needs
   * CAP_NET_ADMIN there; EINVAL for an unknown ID.
   */
  netnsId?: number;
}

/** RTM_GETADDR, `ip address show`. */
export function getAddresses(filter: AddressFilter = {}, order: ByteOrder = 'little'): Request {
  checkSpec('filter of addresses', filter);
  const encoder = requestEncoder(order);
  encoder
    .putU8(familyFilter(filter.family))
    .putZeros(3)
    .putU32(filter.index ?? 0, 'index');
  if (filter.netnsId !== undefined) {
    encoder.i32(IFA_TARGET_NETNSID, filter.netnsId);
  }
  return { type: RTM_GETADDR, flags: NLM_F_DUMP, payload: encoder.finish(), describe: 'dump addresses' };
}

/** An address as the kernel describes it. */
export interface Address {
  family: Family;
  /** Index of the link. */
  index: number;
  /** The link's own address with the prefix length: `10.0.0.2/24`. */
  address: string;
  /** Prefix length, also part of `address`. */
  prefixLength: number;
  /** Remote end of a point-to-point link; the prefix length is that of the remote end. */
  peer?: string;
  broadcast?: string;
  label?: string;
  scope: Scope;
  /** IFA_F_*: IFA_F_TENTATIVE while duplicate detection runs, IFA_F_DADFAILED after it failed. */
  flags: number;
  /** Lifetimes in seconds; absent means infinite. */
  validLifetime?: number;
  preferredLifetime?: number;
  routePriority?: number;
  protocol?: AddressProtocol;
  unknown?: UnknownAttribute[];
}

/**
 * Decodes the body of an RTM_NEWADDR or RTM_DELADDR.
 *
 * @throws {NetlinkDecodeError} when the bytes are not valid netlink
 */
export function decodeAddress(payload: Payload): Address {
  const reader = attributesAfter(payload, IFADDRMSG_SIZE, 'ifaddrmsg');
  const { bytes, start, order } = payload;
  const little = order === 'little';
  const address: Address = {
    family: familyWord(bytes[start]!, payload, 'ifa_family'),
    index: readU32(bytes, start + 4, little),
    address: '',
    prefixLength: bytes[start + 1]!,
    scope: nameOf(scopes, bytes[start + 3]!),
    flags: bytes[start + 2]!,
  };
  let local: string | undefined;
  let far: string | undefined;
  while (reader.next()) {
    switch (reader.type) {
      case IFA_ADDRESS:
        far = reader.address('IFA_ADDRESS');
        break;
      case IFA_LOCAL:
        local = reader.address('IFA_LOCAL');
        break;
      case IFA_LABEL:
        address.label = reader.string();
        break;
      case IFA_BROADCAST:
        address.broadcast = reader.address('IFA_BROADCAST');
        break;
      case IFA_FLAGS:
        address.flags = reader.u32('IFA_FLAGS');
        break;
      case IFA_RT_PRIORITY:
        address.routePriority = reader.u32('IFA_RT_PRIORITY');
        break;
      case IFA_PROTO:
        address.protocol = nameOf(addressProtocols, reader.u8('IFA_PROTO'));
        break;
      case IFA_CACHEINFO: {
        reader.size(8, 'IFA_CACHEINFO', true);
        const preferred = readU32(bytes, reader.start, little);
        const valid = readU32(bytes, reader.start + 4, little);
        if (preferred !== INFINITY_LIFE_TIME) {
          address.preferredLifetime = preferred;
        }
        if (valid !== INFINITY_LIFE_TIME) {
          address.validLifetime = valid;
        }
        break;
      }
      default:
        keepUnknown(address, reader);
    }
  }
  // IPv6 sends IFA_LOCAL only with a peer; IPv4 always sends both.
  address.address = `${local ?? far ?? ''}/${address.prefixLength}`;
  if (local !== undefined && far !== undefined && far !== local) {
    address.peer = far;
  }
  return address;
}
