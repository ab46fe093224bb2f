/** Statements that log, limit, reject and mark. */
import type { ByteOrder } from '../codec/bytes.ts';
import { NetlinkEncodeError } from '../codec/errors.ts';
import { textLength } from '../codec/text.ts';
import { compare, hostNumber } from './expr-parts.ts';
import { type Expression, NFT_REG_1 } from './expression.ts';

/** Options of {@link log}. Without a group the kernel writes to its own log. */
export interface LogOptions {
  /** At most 127 bytes. */
  prefix?: string | undefined;
  /** Group of NFNETLINK_LOG listeners. */
  group?: number | undefined;
  /** Bytes of the packet to copy to the listeners of the group. */
  snaplen?: number | undefined;
}

const MAX_LOG_PREFIX = 127;

/** `log prefix "denied " group 5 snaplen 64`. */
export function log({ prefix, group, snaplen }: LogOptions = {}): Expression[] {
  if (prefix !== undefined && textLength(prefix) > MAX_LOG_PREFIX) {
    throw new NetlinkEncodeError('TOO_LONG', `The log prefix ${JSON.stringify(prefix)} exceeds 127 bytes`);
  }
  if (group === undefined && snaplen !== undefined) {
    throw new NetlinkEncodeError('BAD_REQUEST', 'snaplen needs a log group');
  }
  return [{ name: 'log', prefix, group: group === undefined ? undefined : integer(group, 0xffff), snaplen }];
}

/** Options of {@link limit}. */
export interface LimitOptions {
  /** Packets, or bytes, in each unit of time. */
  rate: number;
  /** @default 'second' */
  per?: keyof typeof seconds | undefined;
  /** @default 'packets' */
  of?: 'packets' | 'bytes' | undefined;
  /**
   * Packets or bytes above the rate that still match.
   *
   * @default 5 packets, 0 bytes
   */
  burst?: number | undefined;
  /** Matches packets above the rate instead of those within it. */
  over?: boolean | undefined;
}

const seconds = { second: 1, minute: 60, hour: 3600, day: 86_400, week: 604_800 } as const;

/** `limit rate 10/second burst 5 packets`. */
export function limit({
  rate,
  per = 'second',
  of = 'packets',
  burst = of === 'packets' ? 5 : 0,
  over,
}: LimitOptions): Expression[] {
  if (!Object.hasOwn(seconds, per)) {
    throw new NetlinkEncodeError('BAD_VALUE', `Unknown unit of time ${JSON.stringify(per)}`);
  }
  if (!(Number.isSafeInteger(rate) && rate > 0)) {
    throw new NetlinkEncodeError('BAD_VALUE', `${rate} is not a rate above 0`);
  }
  return [
    {
      ...{ name: 'limit', rate, unit: seconds[per], burst: integer(burst, 0xffffffff) },
      ...{ type: of === 'bytes' ? 1 : 0, flags: over ? 1 : 0 },
    },
  ];
}

function integer(value: number, max: number): number {
  if (!(Number.isInteger(value) && value >= 0 && value <= max)) {
    throw new NetlinkEncodeError('BAD_VALUE', `${value} is not an integer from 0 to ${max}`);
  }
  return value;
}

/** NFT_REJECT_ICMPX_*, for both IP versions. */
const reasons = {
  'no-route': 0,
  'port-unreachable': 1,
  'host-unreachable': 2,
  'admin-prohibited': 3,
} as const;
/** An ICMP error for both IP versions, or a reset of the TCP connection. */
export type RejectReason = keyof typeof reasons | 'tcp-reset';

/**
 * `reject with icmpx admin-prohibited`, in families inet, bridge and netdev. `tcp-reset` needs `protocol('tcp')` and works
 * in all families.
 */
export function reject(reason: RejectReason = 'port-unreachable'): Expression[] {
  if (reason === 'tcp-reset') {
    return [{ name: 'reject', type: 1, icmpCode: 0 }];
  }
  if (!Object.hasOwn(reasons, reason)) {
    throw new NetlinkEncodeError('BAD_VALUE', `Unknown reason to reject ${JSON.stringify(reason)}`);
  }
  return [{ name: 'reject', type: 2, icmpCode: reasons[reason] }];
}

const NFT_CT_MARK = 3;
const loadMark: Expression = { name: 'ct', key: NFT_CT_MARK, dreg: NFT_REG_1 };

/** `ct mark & 0x100 == 0x100`. The mark is in host byte order. */
export const hasConnectionMarkBits = (bits: number, order: ByteOrder = 'little'): Expression[] => [
  loadMark,
  {
    ...{ name: 'bitwise', sreg: NFT_REG_1, dreg: NFT_REG_1, len: 4 },
    ...{ mask: hostNumber(bits, order), xor: new Uint8Array(4) },
  },
  compare(hostNumber(bits, order)),
];

/** `ct mark set ct mark | 0x100`. The mark is in host byte order. */
export const setConnectionMarkBits = (bits: number, order: ByteOrder = 'little'): Expression[] => [
  loadMark,
  {
    ...{ name: 'bitwise', sreg: NFT_REG_1, dreg: NFT_REG_1, len: 4 },
    ...{ mask: hostNumber(~bits >>> 0, order), xor: hostNumber(bits, order) },
  },
  { name: 'ct', key: NFT_CT_MARK, sreg: NFT_REG_1 },
];
