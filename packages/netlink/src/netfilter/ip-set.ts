/** Sets of networks, of type hash:net (linux/netfilter/ipset/ip_set.h). */

import { type Family, parsePrefix } from '@cnikit/ip';
import { checkSpec } from '#check-spec';
import { NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL } from '../codec/ack.ts';
import type { ByteOrder, Payload } from '../codec/bytes.ts';
import { type Encoder, NLA_F_NESTED, NLA_F_NET_BYTEORDER } from '../codec/encoder.ts';
import { NetlinkEncodeError } from '../codec/errors.ts';
import { isIPv6 } from '../codec/family.ts';
import { attributesAfter } from '../codec/message.ts';
import type { AttributeReader } from '../codec/reader.ts';
import type { Request } from '../codec/request.ts';
import { ipSetErrno as errno } from './ip-set-errno.ts';
import { NFGENMSG_SIZE, nfHeader } from './nf-message.ts';

const NFNL_SUBSYS_IPSET = 6;
const command = (number: number): number => (NFNL_SUBSYS_IPSET << 8) | number;
export const IPSET_CMD_PROTOCOL = command(1);
export const IPSET_CMD_CREATE = command(2);
export const IPSET_CMD_DESTROY = command(3);
export const IPSET_CMD_LIST = command(7);
export const IPSET_CMD_ADD = command(9);
export const IPSET_CMD_DEL = command(10);

/** IPSET_PROTOCOL_MIN: every kernel of the last ten years accepts it. */
const PROTOCOL = 6;
const ATTR_PROTOCOL = 1;
const ATTR_SETNAME = 2;
const ATTR_TYPENAME = 3;
const ATTR_REVISION = 4;
const ATTR_FAMILY = 5;
const ATTR_DATA = 7;
const ATTR_ADT = 8;
const ATTR_IP = 1;
const ATTR_CIDR = 3;
const ATTR_MAXELEM = 19;
const ATTR_IPADDR = { ipv4: 1, ipv6: 2 } as const;

/** IPSET_MAXNAMELEN, with the NUL. */
const NAME_SIZE = 32;

/** A set by its name. */
export interface IpSetRef {
  name: string;
}

/** A set of networks to create. */
export interface IpSetSpec extends IpSetRef {
  family: Family;
  /**
   * Maximum number of elements.
   *
   * @default 65536
   */
  maxElements?: number;
}

function header({ name }: IpSetRef, order: ByteOrder): Encoder {
  const encoder = nfHeader('ip', order).u8(ATTR_PROTOCOL, PROTOCOL);
  return encoder.string(ATTR_SETNAME, name, NAME_SIZE);
}

/** IPSET_CMD_PROTOCOL: changes nothing. Fails when the kernel lacks ipset. */
export function ipSetProtocol(order: ByteOrder = 'little'): Request {
  const payload = nfHeader('ip', order).u8(ATTR_PROTOCOL, PROTOCOL).finish();
  return { type: IPSET_CMD_PROTOCOL, flags: 0, payload, describe: 'ask for ipset', errno };
}

/** IPSET_CMD_CREATE, `ipset create NAME hash:net`. EEXIST when the name is taken. */
export function newIpSet(spec: IpSetSpec, order: ByteOrder = 'little'): Request {
  checkSpec('ipset set', spec);
  const { family, maxElements, name } = spec;
  const encoder = header(spec, order);
  encoder.string(ATTR_TYPENAME, 'hash:net', NAME_SIZE).u8(ATTR_REVISION, 0);
  encoder.u8(ATTR_FAMILY, isIPv6(family) ? 10 : 2);
  const data = encoder.nest(ATTR_DATA | NLA_F_NESTED);
  if (maxElements !== undefined) {
    encoder.be32(ATTR_MAXELEM | NLA_F_NET_BYTEORDER, maxElements);
  }
  const payload = encoder.end(data).finish();
  const flags = NLM_F_CREATE | NLM_F_EXCL;
  return { type: IPSET_CMD_CREATE, flags, payload, describe: `new set ${name}`, errno };
}

/** IPSET_CMD_DESTROY, `ipset destroy NAME`. ENOENT when it does not exist, IPSET_ERR_BUSY while a rule uses it. */
export function delIpSet(ref: IpSetRef, order: ByteOrder = 'little'): Request {
  const payload = header(ref, order).finish();
  return { type: IPSET_CMD_DESTROY, flags: 0, payload, describe: `delete set ${ref.name}`, errno };
}

/** IPSET_CMD_ADD, `ipset -exist add NAME PREFIX`: no error when the prefix is in the set. The kernel refuses /0. */
export function newIpSetElement(ref: IpSetRef, prefix: string, order: ByteOrder = 'little'): Request {
  const payload = element(ref, prefix, order);
  return { type: IPSET_CMD_ADD, flags: 0, payload, describe: `add ${prefix} to set ${ref.name}`, errno };
}

/** IPSET_CMD_DEL, `ipset -exist del NAME PREFIX`: no error when the prefix is not in the set. */
export function delIpSetElement(ref: IpSetRef, prefix: string, order: ByteOrder = 'little'): Request {
  const payload = element(ref, prefix, order);
  return { type: IPSET_CMD_DEL, flags: 0, payload, describe: `delete ${prefix} of set ${ref.name}`, errno };
}

function element(ref: IpSetRef, text: string, order: ByteOrder): Uint8Array {
  const prefix = parsePrefix(text, { leadingZeros: false });
  if (prefix === undefined) {
    throw new NetlinkEncodeError('BAD_ADDRESS', `${JSON.stringify(text)} is not a prefix`);
  }
  const encoder = header(ref, order);
  const data = encoder.nest(ATTR_DATA | NLA_F_NESTED);
  const ip = encoder.nest(ATTR_IP | NLA_F_NESTED);
  const family = prefix.address.length === 16 ? 'ipv6' : 'ipv4';
  encoder.raw(ATTR_IPADDR[family] | NLA_F_NET_BYTEORDER, prefix.address).end(ip);
  return encoder.u8(ATTR_CIDR, prefix.length).end(data).finish();
}

/** IPSET_CMD_LIST of one set. ENOENT when it does not exist. */
export function getIpSetElements(ref: IpSetRef, order: ByteOrder = 'little'): Request {
  const payload = header(ref, order).finish();
  return { type: IPSET_CMD_LIST, flags: NLM_F_DUMP, payload, describe: `list set ${ref.name}`, errno };
}

/** Decodes the body of an answer to {@link getIpSetElements}: some of the set's prefixes, such as `10.0.0.0/8`. */
export function decodeIpSetElements(payload: Payload): string[] {
  const prefixes: string[] = [];
  const reader = attributesAfter(payload, NFGENMSG_SIZE, 'nfgenmsg');
  while (reader.next()) {
    if (reader.type !== ATTR_ADT) {
      continue;
    }
    const list = reader.attributes('IPSET_ATTR_ADT');
    while (list.next()) {
      if (list.type === ATTR_DATA) {
        prefixes.push(readElement(list.attributes('IPSET_ATTR_DATA')));
      }
    }
  }
  return prefixes;
}

function readElement(reader: AttributeReader): string {
  let address = '';
  let length: number | undefined;
  while (reader.next()) {
    if (reader.type === ATTR_IP) {
      const ip = reader.attributes('IPSET_ATTR_IP');
      while (ip.next()) {
        address = ip.address('IPSET_ATTR_IPADDR');
      }
    } else if (reader.type === ATTR_CIDR) {
      length = reader.u8('IPSET_ATTR_CIDR');
    }
  }
  // The kernel omits the length of a whole address.
  return `${address}/${length ?? (address.includes(':') ? 128 : 32)}`;
}
