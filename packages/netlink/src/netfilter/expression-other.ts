/**
 * Expressions that few programs need. A rule has them as `{ name: 'other', kind, bytes }`; `encodeOther()` and
 * `decodeOther()` convert their fields.
 */
import { type ByteOrder, payloadOf } from '../codec/bytes.ts';
import { NetlinkEncodeError } from '../codec/errors.ts';
import { AttributeReader } from '../codec/reader.ts';
import { requestEncoder } from '../codec/request.ts';
import { type Decoded, readFields, type Table, type Values, writeFields } from '../codec/table.ts';
import type { Expression } from './expression.ts';

/** Fields of each kind. */
export const otherTables = {
  connlimit: {
    count: [1, 'be32', 'NFTA_CONNLIMIT_COUNT'],
    /** 1: matches above the count. */
    flags: [2, 'be32', 'NFTA_CONNLIMIT_FLAGS'],
  },
  dynset: {
    set: [1, 'string', 'NFTA_DYNSET_SET_NAME'],
    setId: [2, 'be32', 'NFTA_DYNSET_SET_ID'],
    op: [3, 'be32', 'NFTA_DYNSET_OP', { 0: 'add', 1: 'update', 2: 'delete' }],
    sregKey: [4, 'be32', 'NFTA_DYNSET_SREG_KEY'],
    sregData: [5, 'be32', 'NFTA_DYNSET_SREG_DATA'],
    /** Milliseconds. */
    timeout: [6, 'be64', 'NFTA_DYNSET_TIMEOUT'],
    flags: [9, 'be32', 'NFTA_DYNSET_FLAGS'],
  },
  flow_offload: { flowtable: [1, 'string', 'NFTA_FLOW_TABLE_NAME'] },
  notrack: {},
  objref: {
    type: [
      1,
      'be32',
      'NFTA_OBJREF_IMM_TYPE',
      { 1: 'counter', 2: 'quota', 3: 'ct helper', 4: 'limit', 5: 'connlimit' },
    ],
    object: [2, 'string', 'NFTA_OBJREF_IMM_NAME'],
    setSreg: [3, 'be32', 'NFTA_OBJREF_SET_SREG'],
    setName: [4, 'string', 'NFTA_OBJREF_SET_NAME'],
    setId: [5, 'be32', 'NFTA_OBJREF_SET_ID'],
  },
  queue: {
    number: [1, 'be16', 'NFTA_QUEUE_NUM'],
    total: [2, 'be16', 'NFTA_QUEUE_TOTAL'],
    /** NFT_QUEUE_FLAG_*: 1 bypass, 2 CPU fanout. */
    flags: [3, 'be16', 'NFTA_QUEUE_FLAGS'],
    sreg: [4, 'be32', 'NFTA_QUEUE_SREG_QNUM'],
  },
  quota: {
    bytes: [1, 'be64', 'NFTA_QUOTA_BYTES'],
    /** 1: matches above the quota; 2: depleted (read only). */
    flags: [2, 'be32', 'NFTA_QUOTA_FLAGS'],
    consumed: [4, 'be64', 'NFTA_QUOTA_CONSUMED'],
  },
} as const satisfies Record<string, Table>;

/** The kinds that {@link encodeOther} knows. */
export type OtherKind = keyof typeof otherTables;
/** Their fields. */
export type OtherFields<K extends OtherKind> = Values<(typeof otherTables)[K]>;

/** Returns an expression of a kind. */
export function encodeOther<K extends OtherKind>(
  kind: K,
  fields: OtherFields<K>,
  order: ByteOrder = 'little',
): Expression {
  if (!Object.hasOwn(otherTables, kind)) {
    throw new NetlinkEncodeError('BAD_REQUEST', `Unknown expression ${String(kind)}`);
  }
  const encoder = requestEncoder(order);
  writeFields(encoder, otherTables[kind] as Table, fields as Values<Table>);
  return { name: 'other', kind, bytes: encoder.finish() };
}

/** An expression with its fields. */
export type OtherExpression = {
  [K in OtherKind]: { kind: K } & Decoded<(typeof otherTables)[K]>;
}[OtherKind];

/**
 * Returns the fields of a decoded expression, or `undefined` for a kind that has none here.
 *
 * @throws {NetlinkDecodeError} when the bytes are not valid netlink
 */
export function decodeOther(
  expression: Expression,
  order: ByteOrder = 'little',
): OtherExpression | undefined {
  if (expression.name !== 'other' || !Object.hasOwn(otherTables, expression.kind)) {
    return undefined;
  }
  const kind = expression.kind as OtherKind;
  const { bytes, start, end } = payloadOf(expression.bytes, order);
  const fields = readFields(new AttributeReader(bytes, start, end, order, kind), otherTables[kind] as Table);
  return { kind, ...fields } as OtherExpression;
}
