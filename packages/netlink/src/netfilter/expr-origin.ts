/** Matches of the link that a packet came from. */
import { type ByteOrder, writeU32 } from '../codec/bytes.ts';
import { type Expression, NFT_REG_1 } from './expression.ts';

const NFT_META_IIFGROUP = 21;
const NFT_FIB_RESULT_OIF = 1;
/** NFTA_FIB_F_SADDR, NFTA_FIB_F_IIF and NFTA_FIB_F_PRESENT: whether the source has a route by the input link. */
const SOURCE_BY_INPUT = 1 | 8 | 32;

const register = { dreg: NFT_REG_1 } as const;
const equals = (data: Uint8Array): Expression => ({ name: 'cmp', sreg: NFT_REG_1, op: 0, data });

/** `fib saddr . iif oif missing`: the host does not route the source address to the link that the packet came from. */
export const sourceUnroutable = (): Expression[] => [
  { name: 'fib', ...register, result: NFT_FIB_RESULT_OIF, flags: SOURCE_BY_INPUT },
  equals(new Uint8Array(4)),
];

/** `meta iifgroup & 0xff000000 == 0x63000000`. The group is in host byte order. */
export function inputGroup(group: number, mask: number, order: ByteOrder = 'little'): Expression[] {
  const number = (value: number) => {
    const bytes = new Uint8Array(4);
    writeU32(bytes, 0, value, order === 'little');
    return bytes;
  };
  const only = { name: 'bitwise', sreg: NFT_REG_1, ...register, len: 4 } as const;
  return [
    { name: 'meta', key: NFT_META_IIFGROUP, ...register },
    { ...only, mask: number(mask), xor: new Uint8Array(4) },
    equals(number(group)),
  ];
}
