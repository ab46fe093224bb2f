/** Matches of the link that a packet came from. */
import type { ByteOrder } from '../codec/bytes.ts';
import { compare, hostNumber, interfaceName } from './expr-parts.ts';
import { type Expression, NFT_REG_1 } from './expression.ts';

const NFT_META_IIFGROUP = 21;
const NFT_FIB_RESULT_OIF = 1;
const NFT_FIB_RESULT_OIFNAME = 2;
const NFT_FIB_RESULT_ADDRTYPE = 3;
const NFTA_FIB_F_SADDR = 1;
/** NFTA_FIB_F_SADDR, NFTA_FIB_F_IIF and NFTA_FIB_F_PRESENT: whether the source has a route by the input link. */
const SOURCE_BY_INPUT = NFTA_FIB_F_SADDR | 8 | 32;
const RTN_LOCAL = 2;

const register = { dreg: NFT_REG_1 } as const;

/** `fib saddr . iif oif missing`: the host does not route the source address to the link that the packet came from. */
export const sourceUnroutable = (): Expression[] => [
  { name: 'fib', ...register, result: NFT_FIB_RESULT_OIF, flags: SOURCE_BY_INPUT },
  compare(new Uint8Array(4)),
];

/**
 * `fib saddr oifname "eth0"`: the host routes the source address to that link; a `*` at the end matches any suffix. Only
 * in chains of the hook `prerouting` (net/netfilter/nft_fib.c).
 */
export const sourceRoutedTo = (name: string): Expression[] => [
  { name: 'fib', ...register, result: NFT_FIB_RESULT_OIFNAME, flags: NFTA_FIB_F_SADDR },
  compare(interfaceName(name)),
];

/** `fib saddr type local`: the source is an address of this host. */
export const fromLocal = ({ order = 'little' }: { order?: ByteOrder } = {}): Expression[] => [
  { name: 'fib', ...register, result: NFT_FIB_RESULT_ADDRTYPE, flags: NFTA_FIB_F_SADDR },
  compare(hostNumber(RTN_LOCAL, order)),
];

/** `meta iifgroup & 0xff000000 == 0x63000000`. The group is in host byte order. */
export function inputGroup(group: number, mask: number, order: ByteOrder = 'little'): Expression[] {
  const only = { name: 'bitwise', sreg: NFT_REG_1, ...register, len: 4 } as const;
  return [
    { name: 'meta', key: NFT_META_IIFGROUP, ...register },
    { ...only, mask: hostNumber(mask, order), xor: new Uint8Array(4) },
    compare(hostNumber(group, order)),
  ];
}
