/** Named counters, quotas and limits of nftables: NFT_MSG_NEWOBJ, NFT_MSG_GETOBJ, NFT_MSG_DELOBJ. */
import { checkSpec } from '#check-spec';
import { NLM_F_CREATE } from '../codec/ack.ts';
import type { ByteOrder, Payload } from '../codec/bytes.ts';
import { type Encoder, NLA_F_NESTED } from '../codec/encoder.ts';
import { attributesAfter } from '../codec/message.ts';
import { type Named, numberOf } from '../codec/names.ts';
import type { Request } from '../codec/request.ts';
import { keepUnknown, readField, readFields, type Table, type Values, writeFields } from '../codec/table.ts';
import { checkName } from './names.ts';
import { NFGENMSG_SIZE, NFNL_SUBSYS_NFTABLES, type NfFamily, nfFamilyWord, nfHeader } from './nf-message.ts';
import { request } from './objects.ts';

const message = (number: number): number => (NFNL_SUBSYS_NFTABLES << 8) | number;
const NFT_MSG_NEWOBJ = message(18);
export const NFT_MSG_GETOBJ = message(19);
const NFT_MSG_DELOBJ = message(20);
/** Reads the objects and sets their counters to 0. */
export const NFT_MSG_GETOBJ_RESET = message(21);
/** Linux 6.3. */
const NFT_MSG_DESTROYOBJ = message(31);
const NFTA_OBJ_DATA = 4;

/** NFT_OBJECT_*. */
const types = {
  1: 'counter',
  2: 'quota',
  3: 'ct helper',
  4: 'limit',
  5: 'connlimit',
  7: 'ct timeout',
  9: 'ct expectation',
} as const;

const objectTable = {
  table: [1, 'string', 'NFTA_OBJ_TABLE'],
  name: [2, 'string', 'NFTA_OBJ_NAME'],
  type: [3, 'be32', 'NFTA_OBJ_TYPE', types],
  /** Read only: number of rules and elements that use it. */
  use: [5, 'be32', 'NFTA_OBJ_USE'],
  handle: [6, 'be64', 'NFTA_OBJ_HANDLE'],
  userdata: [8, 'raw', 'NFTA_OBJ_USERDATA'],
} as const satisfies Table;

const counterTable = {
  bytes: [1, 'be64', 'NFTA_COUNTER_BYTES'],
  packets: [2, 'be64', 'NFTA_COUNTER_PACKETS'],
} as const satisfies Table;

const quotaTable = {
  bytes: [1, 'be64', 'NFTA_QUOTA_BYTES'],
  /** 1: matches above the quota; 2: depleted (read only). */
  flags: [2, 'be32', 'NFTA_QUOTA_FLAGS'],
  consumed: [4, 'be64', 'NFTA_QUOTA_CONSUMED'],
} as const satisfies Table;

const limitTable = {
  /** Packets or bytes in each `unit` seconds. */
  rate: [1, 'be64', 'NFTA_LIMIT_RATE'],
  unit: [2, 'be64', 'NFTA_LIMIT_UNIT'],
  burst: [3, 'be32', 'NFTA_LIMIT_BURST'],
  /** 0 packets, 1 bytes. */
  type: [4, 'be32', 'NFTA_LIMIT_TYPE'],
  /** 1: matches above the rate. */
  flags: [5, 'be32', 'NFTA_LIMIT_FLAGS'],
} as const satisfies Table;

const dataTables = { counter: counterTable, quota: quotaTable, limit: limitTable } as const;
type DataTables = typeof dataTables;

/** Names an object. */
export interface ObjectRef {
  family: NfFamily;
  table: string;
  name: string;
}

/** A named counter. */
export type CounterSpec = ObjectRef & Values<DataTables['counter']>;
/** A named quota of `bytes`. */
export type QuotaSpec = ObjectRef & { bytes: number | bigint; consumed?: number | bigint; over?: boolean };
/** A named limit of packets, or of bytes. */
export type LimitSpec = ObjectRef & {
  rate: number;
  /** @default 'second' */
  per?: 'second' | 'minute' | 'hour' | 'day' | 'week';
  /** @default 'packets' */
  of?: 'packets' | 'bytes';
  burst?: number;
  over?: boolean;
};

/** NFT_MSG_NEWOBJ, `nft add counter`. An existing object keeps its values. */
export function newCounter(spec: CounterSpec, order: ByteOrder = 'little'): Request {
  checkSpec('counter', spec);
  const { bytes = 0, packets = 0 } = spec;
  return newObject('counter', spec, { bytes, packets }, order);
}

/** NFT_MSG_NEWOBJ, `nft add quota`. */
export function newQuota(spec: QuotaSpec, order: ByteOrder = 'little'): Request {
  checkSpec('quota', spec);
  const { bytes, consumed = 0, over } = spec;
  return newObject('quota', spec, { bytes, flags: over ? 1 : 0, consumed }, order);
}

const seconds = { second: 1, minute: 60, hour: 3600, day: 86_400, week: 604_800 };

/** NFT_MSG_NEWOBJ, `nft add limit`. */
export function newLimit(spec: LimitSpec, order: ByteOrder = 'little'): Request {
  checkSpec('limit', spec);
  const { rate, per = 'second', of = 'packets', burst = of === 'packets' ? 5 : 0, over } = spec;
  const fields = { rate, unit: seconds[per], burst, type: of === 'bytes' ? 1 : 0, flags: over ? 1 : 0 };
  return newObject('limit', spec, fields, order);
}

function newObject<K extends keyof DataTables>(
  type: K,
  ref: ObjectRef,
  data: Values<DataTables[K]>,
  order: ByteOrder,
): Request {
  checkName(type, ref.name);
  const encoder = reference(ref, type, order);
  const token = encoder.nest(NFTA_OBJ_DATA | NLA_F_NESTED);
  writeFields(encoder, dataTables[type] as Table, data as Values<Table>);
  encoder.end(token);
  return request(NFT_MSG_NEWOBJ, NLM_F_CREATE, encoder, `new ${type} ${objectText(ref)}`);
}

/**
 * NFT_MSG_DELOBJ, `nft delete counter`. The kernel answers EBUSY while a rule uses it, and ENOENT when it does not exist,
 * unless `ifExists` (`nft destroy`, Linux 6.3).
 */
export function delObject(
  ref: ObjectRef & { type: Named<typeof types>; ifExists?: boolean },
  order: ByteOrder = 'little',
): Request {
  const type = ref.ifExists ? NFT_MSG_DESTROYOBJ : NFT_MSG_DELOBJ;
  return request(type, 0, reference(ref, ref.type, order), `delete ${ref.type} ${objectText(ref)}`);
}

function reference(ref: ObjectRef, type: Named<typeof types>, order: ByteOrder): Encoder {
  const encoder = nfHeader(ref.family, order);
  writeFields(encoder, objectTable, {
    table: ref.table,
    name: ref.name,
    type: numberOf(types, type, 'type') as never,
  });
  return encoder;
}

const objectText = ({ family, table, name }: ObjectRef): string => `${family} ${table} ${name}`;

/** A named object. Those of other types have their settings as bytes in `data`. */
export interface NftObject extends Values<typeof objectTable> {
  family: NfFamily;
  counter?: Values<typeof counterTable>;
  quota?: Values<typeof quotaTable>;
  limit?: Values<typeof limitTable>;
  data?: Uint8Array;
}

/**
 * Decodes the body of an NFT_MSG_NEWOBJ.
 *
 * @throws {NetlinkDecodeError} when the bytes are not valid netlink
 */
export function decodeObject(payload: Payload): NftObject {
  const object: NftObject = { family: nfFamilyWord(payload.bytes[payload.start]) };
  const into = object as unknown as Record<string, unknown>;
  const reader = attributesAfter(payload, NFGENMSG_SIZE, 'nfgenmsg');
  while (reader.next()) {
    if (reader.type === NFTA_OBJ_DATA) {
      // The kernel sends the type first.
      const type = String(object.type);
      if (Object.hasOwn(dataTables, type)) {
        into[type] = readFields(reader.attributes(type), dataTables[type as keyof DataTables]);
      } else {
        object.data = reader.raw();
      }
    } else if (!readField(reader, objectTable, into)) {
      keepUnknown(into, reader);
    }
  }
  return object;
}
