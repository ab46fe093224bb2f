/** Sets and maps of nftables. */
import { checkSpec } from '#check-spec';
import { NLM_F_CREATE, NLM_F_EXCL } from '../codec/ack.ts';
import type { ByteOrder, Payload } from '../codec/bytes.ts';
import { NLA_F_NESTED } from '../codec/encoder.ts';
import { NetlinkEncodeError } from '../codec/errors.ts';
import { attributesAfter } from '../codec/message.ts';
import type { Request } from '../codec/request.ts';
import { type Decoded, readFields, type Table, writeFields } from '../codec/table.ts';
import { checkName } from './names.ts';
import { NFGENMSG_SIZE, type NfFamily, nfFamilyWord, nfHeader } from './nf-message.ts';
import * as nft from './objects.ts';
import { request } from './objects.ts';

export const NFT_SET_ANONYMOUS = 0x1;
export const NFT_SET_CONSTANT = 0x2;
export const NFT_SET_INTERVAL = 0x4;
export const NFT_SET_MAP = 0x8;
export const NFT_SET_TIMEOUT = 0x10;
/** Packets may add elements: `flags dynamic`. */
export const NFT_SET_EVAL = 0x20;
export const NFT_SET_CONCAT = 0x80;

/** Types of keys and values, by the names of `nft`: number (read only by `nft`) and size in bytes. */
const dataTypes = {
  ipv4_addr: [7, 4],
  ipv6_addr: [8, 16],
  ether_addr: [9, 6],
  inet_proto: [12, 1],
  inet_service: [13, 2],
  mark: [19, 4],
  ifname: [41, 16],
} as const;
/** Marks keys as host byte order for `nft list`: type 0, length 4, BYTEORDER_HOST_ENDIAN. The kernel does not read it. */
const HOST_ORDER = Uint8Array.of(0, 4, 1, 0, 0, 0);
const VERDICT_TYPE = 0xffffff00;

/** Types of set elements, by the names of `nft`. */
export type DataType = keyof typeof dataTypes;

const setTable = {
  table: [1, 'string', 'NFTA_SET_TABLE'],
  name: [2, 'string', 'NFTA_SET_NAME'],
  /** NFT_SET_*. */
  flags: [3, 'be32', 'NFTA_SET_FLAGS'],
  keyType: [4, 'be32', 'NFTA_SET_KEY_TYPE'],
  /** Bytes. */
  keyLength: [5, 'be32', 'NFTA_SET_KEY_LEN'],
  dataType: [6, 'be32', 'NFTA_SET_DATA_TYPE'],
  dataLength: [7, 'be32', 'NFTA_SET_DATA_LEN'],
  policy: [8, 'be32', 'NFTA_SET_POLICY'],
  /** Identifies the set for rules of the same transaction. */
  id: [10, 'be32', 'NFTA_SET_ID'],
  /** Lifetime of elements in milliseconds. */
  timeout: [11, 'be64', 'NFTA_SET_TIMEOUT'],
  gcInterval: [12, 'be32', 'NFTA_SET_GC_INTERVAL'],
  userdata: [13, 'raw', 'NFTA_SET_USERDATA'],
  handle: [16, 'be64', 'NFTA_SET_HANDLE'],
} as const satisfies Table;
const NFTA_SET_DESC = 9;

/** Names a set or map. */
export interface SetRef {
  family: NfFamily;
  table: string;
  name: string;
}

/** A set or map to make. */
export interface SetSpec extends SetRef {
  /** One type, or several for a concatenation: `['inet_proto', 'inet_service']`. */
  key: DataType | readonly DataType[];
  /** Makes it a map to values of this type, or to verdicts. */
  data?: DataType | readonly DataType[] | 'verdict';
  /** Further NFT_SET_*; NFT_SET_INTERVAL for ranges and prefixes. */
  flags?: number;
  timeout?: number;
  id?: number;
}

/**
 * NFT_MSG_NEWSET, `nft add set` or `add map`. EEXIST when it exists.
 *
 * @throws {NetlinkEncodeError} BAD_REQUEST when `nft -f` cannot read the name
 */
export function newSet(spec: SetSpec, order: ByteOrder = 'little'): Request {
  checkSpec('set', spec);
  const { family, table, name, timeout, id = 1 } = spec;
  if (!((spec.flags ?? 0) & NFT_SET_ANONYMOUS)) {
    checkName('set', name);
  }
  const key = typeOf(spec.key);
  const data = spec.data === undefined ? undefined : typeOf(spec.data);
  const fields = key.fields.length > 1 ? NFT_SET_CONCAT : 0;
  const flags =
    (spec.flags ?? 0) |
    fields |
    (data === undefined ? 0 : NFT_SET_MAP) |
    (timeout === undefined ? 0 : NFT_SET_TIMEOUT);
  const encoder = nfHeader(family, order);
  writeFields(encoder, setTable, {
    ...{ table, name, flags, keyType: key.type, keyLength: key.length, id },
    dataType: data?.type,
    dataLength: data?.length,
    timeout,
    ...((spec.key === 'mark' || spec.key === 'ifname') && { userdata: HOST_ORDER }),
  });
  if (fields !== 0) {
    // Sets of concatenated intervals need the length of each field.
    const description = encoder.nest(NFTA_SET_DESC | NLA_F_NESTED);
    const concat = encoder.nest(2 | NLA_F_NESTED);
    for (const length of key.fields) {
      const field = encoder.nest(1 | NLA_F_NESTED);
      encoder.be32(1, length).end(field);
    }
    encoder.end(concat).end(description);
  }
  return request(nft.NFT_MSG_NEWSET, NLM_F_CREATE | NLM_F_EXCL, encoder, `new set ${setText(spec)}`);
}

function typeOf(key: DataType | readonly DataType[] | 'verdict'): {
  type: number;
  length: number;
  fields: number[];
} {
  if (key === 'verdict') {
    return { type: VERDICT_TYPE, length: 0, fields: [] };
  }
  let type = 0;
  const fields: number[] = [];
  for (const one of typeof key === 'string' ? [key] : key) {
    if (!Object.hasOwn(dataTypes, one)) {
      throw new NetlinkEncodeError('BAD_REQUEST', `Unknown data type ${one}`);
    }
    const [number, bytes] = dataTypes[one];
    type = (type << 6) | number;
    fields.push(bytes);
  }
  // Concatenated fields begin at multiples of four bytes.
  const length = fields.length === 1 ? fields[0]! : fields.reduce((sum, size) => sum + ((size + 3) & ~3), 0);
  return { type, length, fields };
}

/**
 * NFT_MSG_DELSET, `nft delete set`. EBUSY while a rule uses it. ENOENT when it does not exist, unless `ifExists`
 * (`nft destroy set`, Linux 6.3).
 */
export function delSet(ref: SetRef & { ifExists?: boolean }, order: ByteOrder = 'little'): Request {
  const encoder = nfHeader(ref.family, order);
  writeFields(encoder, setTable, { table: ref.table, name: ref.name });
  return request(
    ref.ifExists ? nft.NFT_MSG_DESTROYSET : nft.NFT_MSG_DELSET,
    0,
    encoder,
    `delete set ${setText(ref)}`,
  );
}

/** Names a set in errors. */
export const setText = ({ family, table, name }: SetRef): string => `${family} ${table} ${name}`;

export interface NftSet extends Decoded<typeof setTable> {
  family: NfFamily;
}

/**
 * Decodes the body of an NFT_MSG_NEWSET.
 *
 * @throws {NetlinkDecodeError} when the bytes are not valid netlink
 */
export function decodeSet(payload: Payload): NftSet {
  const fields = readFields(attributesAfter(payload, NFGENMSG_SIZE, 'nfgenmsg'), setTable);
  return { family: nfFamilyWord(payload.bytes[payload.start]), ...fields };
}
