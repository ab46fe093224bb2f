/** Statements with named objects, sets that packets fill, queues and labels of connections. */
import type { ByteOrder } from '../codec/bytes.ts';
import { NetlinkEncodeError } from '../codec/errors.ts';
import { type KeyPart, loadKey } from './expr-lookup.ts';
import { type Expression, NFT_REG_1 } from './expression.ts';
import { encodeOther } from './expression-other.ts';

/** `notrack`: no connection tracking, in a chain of hook prerouting or output before priority -200. */
export const notrack = (): Expression[] => [encodeOther('notrack', {})];

/** Options of {@link queue}. */
export interface QueueOptions {
  /** Last queue of a range that starts with the first argument. */
  last?: number;
  /** Accept packets when no program listens. */
  bypass?: boolean;
  /** Choose the queue of a range by processor instead of by connection. */
  fanout?: boolean;
}

/** `queue num 3-5 bypass`: hands packets to the programs that listen on NFNETLINK_QUEUE. */
export function queue(number: number, { last = number, bypass, fanout }: QueueOptions = {}): Expression[] {
  if (last < number || last > 0xffff) {
    throw new NetlinkEncodeError('BAD_VALUE', `Invalid queues ${number} to ${last}`);
  }
  const flags = (bypass ? 1 : 0) | (fanout ? 2 : 0);
  return [encodeOther('queue', { number, total: last - number + 1, flags })];
}

/** `counter name "x"`, `quota name "x"` or `limit name "x"`: an object that `newCounter()` and the like create. */
export const useObject = (type: 'counter' | 'quota' | 'limit', object: string): Expression[] => [
  encodeOther('objref', { type, object }),
];

/** `quota over 5 mbytes`: matches until the bytes are used up, or with `over` after that. */
export const quota = (bytes: number | bigint, { over }: { over?: boolean } = {}): Expression[] => [
  encodeOther('quota', { bytes, flags: over ? 1 : 0 }),
];

/** `ct count over 20`: matches while the set's element has at most that many connections, or with `over` more. */
export const connectionCount = (count: number, { over }: { over?: boolean } = {}): Expression[] => [
  encodeOther('connlimit', { count, flags: over ? 1 : 0 }),
];

/** `flow add @f`: hands the connection to a flow table. */
export const flowOffload = (flowtable: string): Expression[] => [encodeOther('flow_offload', { flowtable })];

/** Options of {@link updateSet}. */
export interface UpdateSetOptions {
  /**
   * `add` keeps the time of an element that exists, `update` restarts it, `delete` removes the element.
   *
   * @default 'add'
   */
  op?: 'add' | 'update' | 'delete';
  /** Lifetime of the element in milliseconds. */
  timeout?: number;
  /** ID of a set that the same transaction creates. */
  setId?: number;
}

/** `add @s { ip saddr timeout 5s }`: puts a value of the packet into a set with the flag `NFT_SET_EVAL`. */
export function updateSet(
  key: readonly KeyPart[],
  set: string,
  options: UpdateSetOptions = {},
): Expression[] {
  const { op = 'add', timeout, setId } = options;
  return [...loadKey(key), encodeOther('dynset', { set, setId, op, sregKey: NFT_REG_1, timeout })];
}

const NFT_CT_LABELS = 13;
const LABEL_BYTES = 16;

/** `ct label set 3`: sets one of the 128 labels of the connection and clears the others. */
export function setConnectionLabel(bit: number, order: ByteOrder = 'little'): Expression[] {
  return [
    { name: 'immediate', dreg: NFT_REG_1, data: labelBytes(bit, order) },
    { name: 'ct', key: NFT_CT_LABELS, sreg: NFT_REG_1 },
  ];
}

/** `ct label 3`: the connection has the label. */
export function hasConnectionLabel(bit: number, order: ByteOrder = 'little'): Expression[] {
  const zero = new Uint8Array(LABEL_BYTES);
  return [
    { name: 'ct', key: NFT_CT_LABELS, dreg: NFT_REG_1 },
    {
      ...{ name: 'bitwise', sreg: NFT_REG_1, dreg: NFT_REG_1, len: LABEL_BYTES },
      ...{ mask: labelBytes(bit, order), xor: zero },
    },
    { name: 'cmp', sreg: NFT_REG_1, op: 1, data: zero },
  ];
}

/** Labels are bits of unsigned longs in host byte order. */
function labelBytes(bit: number, order: ByteOrder): Uint8Array {
  if (!(Number.isInteger(bit) && bit >= 0 && bit < LABEL_BYTES * 8)) {
    throw new NetlinkEncodeError('BAD_VALUE', `${bit} is not a label from 0 to 127`);
  }
  const bytes = new Uint8Array(LABEL_BYTES);
  const at = bit >> 3;
  bytes[order === 'little' ? at : (at & ~7) | (7 - (at & 7))] = 1 << (bit & 7);
  return bytes;
}
