/** Flow tables: connections whose packets leave the network stack early. NFT_MSG_NEWFLOWTABLE and its like. */
import { checkSpec } from '#check-spec';
import { NLM_F_CREATE } from '../codec/ack.ts';
import type { ByteOrder, Payload } from '../codec/bytes.ts';
import { NLA_F_NESTED } from '../codec/encoder.ts';
import { attributesAfter } from '../codec/message.ts';
import type { AttributeReader } from '../codec/reader.ts';
import type { Request } from '../codec/request.ts';
import { keepUnknown, readField, type Table, type Values, writeFields } from '../codec/table.ts';
import { checkName } from './names.ts';
import { NFGENMSG_SIZE, NFNL_SUBSYS_NFTABLES, type NfFamily, nfFamilyWord, nfHeader } from './nf-message.ts';
import { request } from './objects.ts';

const message = (number: number): number => (NFNL_SUBSYS_NFTABLES << 8) | number;
export const NFT_MSG_NEWFLOWTABLE = message(22);
export const NFT_MSG_GETFLOWTABLE = message(23);
const NFT_MSG_DELFLOWTABLE = message(24);
const NFTA_FLOWTABLE_HOOK = 3;
const NFTA_FLOWTABLE_HOOK_DEVS = 3;
const NFTA_DEVICE_NAME = 1;

const flowtableTable = {
  table: [1, 'string', 'NFTA_FLOWTABLE_TABLE'],
  name: [2, 'string', 'NFTA_FLOWTABLE_NAME'],
  /** Read only: number of rules that use it. */
  use: [4, 'be32', 'NFTA_FLOWTABLE_USE'],
  handle: [5, 'be64', 'NFTA_FLOWTABLE_HANDLE'],
  /** 1 offload to hardware, 2 counters. */
  flags: [7, 'be32', 'NFTA_FLOWTABLE_FLAGS'],
} as const satisfies Table;

/** Names a flow table. */
export interface FlowtableRef {
  family: NfFamily;
  table: string;
  name: string;
}

/** A flow table to create. */
export interface FlowtableSpec extends FlowtableRef {
  /** The lowest runs first. */
  priority: number;
  devices: readonly string[];
  flags?: number;
}

/** NFT_MSG_NEWFLOWTABLE, `nft add flowtable`. The kernel answers EOPNOTSUPP or ENOENT when it lacks flow tables. */
export function newFlowtable(spec: FlowtableSpec, order: ByteOrder = 'little'): Request {
  checkSpec('flowtable', spec);
  checkName('flowtable', spec.name);
  const encoder = nfHeader(spec.family, order);
  writeFields(encoder, flowtableTable, { table: spec.table, name: spec.name });
  const hook = encoder.nest(NFTA_FLOWTABLE_HOOK | NLA_F_NESTED);
  // NF_NETDEV_INGRESS is the only hook.
  encoder.be32(1, 0).be32(2, spec.priority >>> 0);
  const devices = encoder.nest(NFTA_FLOWTABLE_HOOK_DEVS | NLA_F_NESTED);
  for (const device of spec.devices) {
    encoder.string(NFTA_DEVICE_NAME, device, 16);
  }
  encoder.end(devices).end(hook);
  writeFields(encoder, flowtableTable, { flags: spec.flags });
  return request(NFT_MSG_NEWFLOWTABLE, NLM_F_CREATE, encoder, `new flowtable ${flowtableText(spec)}`);
}

/** NFT_MSG_DELFLOWTABLE, `nft delete flowtable`. The kernel answers EBUSY while a rule uses it. */
export function delFlowtable(ref: FlowtableRef, order: ByteOrder = 'little'): Request {
  const encoder = nfHeader(ref.family, order);
  writeFields(encoder, flowtableTable, { table: ref.table, name: ref.name });
  return request(NFT_MSG_DELFLOWTABLE, 0, encoder, `delete flowtable ${flowtableText(ref)}`);
}

const flowtableText = ({ family, table, name }: FlowtableRef): string => `${family} ${table} ${name}`;

/** A flow table as the kernel describes it. */
export interface Flowtable extends Values<typeof flowtableTable> {
  family: NfFamily;
  priority: number;
  devices: string[];
}

/**
 * Decodes the body of an NFT_MSG_NEWFLOWTABLE.
 *
 * @throws {NetlinkDecodeError} when the bytes are not valid netlink
 */
export function decodeFlowtable(payload: Payload): Flowtable {
  const family = nfFamilyWord(payload.bytes[payload.start]);
  const flowtable: Flowtable = { family, priority: 0, devices: [] };
  const into = flowtable as unknown as Record<string, unknown>;
  const reader = attributesAfter(payload, NFGENMSG_SIZE, 'nfgenmsg');
  while (reader.next()) {
    if (reader.type === NFTA_FLOWTABLE_HOOK) {
      readHook(reader.attributes('NFTA_FLOWTABLE_HOOK'), flowtable);
    } else if (!readField(reader, flowtableTable, into)) {
      keepUnknown(into, reader);
    }
  }
  return flowtable;
}

function readHook(reader: AttributeReader, into: Flowtable): void {
  while (reader.next()) {
    if (reader.type === 2) {
      into.priority = reader.be32('NFTA_FLOWTABLE_HOOK_PRIORITY') | 0;
    } else if (reader.type === NFTA_FLOWTABLE_HOOK_DEVS) {
      const devices = reader.attributes('NFTA_FLOWTABLE_HOOK_DEVS');
      while (devices.next()) {
        into.devices.push(devices.string());
      }
    }
  }
}
