/**
 * Expressions: the instructions of nftables rules, with the names and fields of linux/netfilter/nf_tables.h. Most load a
 * register or use one; NFT_REG_1 to NFT_REG_4 have 16 bytes.
 */
import type { AttributeReader, UnknownAttribute } from '../codec/reader.ts';
import { keepUnknown, readField, type Table, type Values } from '../codec/table.ts';

export const NFT_REG_VERDICT = 0;
export const NFT_REG_1 = 1;
export const NFT_REG_2 = 2;
export const NFT_REG_3 = 3;
export const NFT_REG_4 = 4;
/** First of sixteen 4-byte registers, which overlap the 16-byte ones. */
export const NFT_REG32_00 = 8;

/** Scalars of each expression. */
export const tables = {
  bitwise: {
    sreg: [1, 'be32', 'NFTA_BITWISE_SREG'],
    dreg: [2, 'be32', 'NFTA_BITWISE_DREG'],
    len: [3, 'be32', 'NFTA_BITWISE_LEN'],
    op: [6, 'be32', 'NFTA_BITWISE_OP'],
  },
  cmp: {
    sreg: [1, 'be32', 'NFTA_CMP_SREG'],
    /** NFT_CMP_*: 0 equal, 1 not equal, 2 less, 3 less or equal, 4 greater, 5 greater or equal. */
    op: [2, 'be32', 'NFTA_CMP_OP'],
  },
  counter: {
    bytes: [1, 'be64', 'NFTA_COUNTER_BYTES'],
    packets: [2, 'be64', 'NFTA_COUNTER_PACKETS'],
  },
  ct: {
    dreg: [1, 'be32', 'NFTA_CT_DREG'],
    /** NFT_CT_*: 0 state, 2 status, 3 mark. */
    key: [2, 'be32', 'NFTA_CT_KEY'],
    direction: [3, 'u8', 'NFTA_CT_DIRECTION'],
    sreg: [4, 'be32', 'NFTA_CT_SREG'],
  },
  fib: {
    dreg: [1, 'be32', 'NFTA_FIB_DREG'],
    /** 1 oif, 2 oifname, 3 address type. */
    result: [2, 'be32', 'NFTA_FIB_RESULT'],
    /** NFTA_FIB_F_*: 1 source address, 2 destination address, 8 iif, 16 oif, 32 present or missing only. */
    flags: [3, 'be32', 'NFTA_FIB_FLAGS'],
  },
  immediate: { dreg: [1, 'be32', 'NFTA_IMMEDIATE_DREG'] },
  limit: {
    /** Packets or bytes in each `unit` seconds. */
    rate: [1, 'be64', 'NFTA_LIMIT_RATE'],
    unit: [2, 'be64', 'NFTA_LIMIT_UNIT'],
    burst: [3, 'be32', 'NFTA_LIMIT_BURST'],
    /** 0 packets, 1 bytes. */
    type: [4, 'be32', 'NFTA_LIMIT_TYPE'],
    /** 1: matches above the rate. */
    flags: [5, 'be32', 'NFTA_LIMIT_FLAGS'],
  },
  log: {
    group: [1, 'be16', 'NFTA_LOG_GROUP'],
    prefix: [2, 'string', 'NFTA_LOG_PREFIX'],
    /** Bytes of the packet to copy to the listeners of the group. */
    snaplen: [3, 'be32', 'NFTA_LOG_SNAPLEN'],
    /** Packets to queue before they are sent to the listeners. */
    queueThreshold: [4, 'be16', 'NFTA_LOG_QTHRESHOLD'],
    level: [5, 'be32', 'NFTA_LOG_LEVEL'],
    flags: [6, 'be32', 'NFTA_LOG_FLAGS'],
  },
  lookup: {
    set: [1, 'string', 'NFTA_LOOKUP_SET'],
    sreg: [2, 'be32', 'NFTA_LOOKUP_SREG'],
    dreg: [3, 'be32', 'NFTA_LOOKUP_DREG'],
    setId: [4, 'be32', 'NFTA_LOOKUP_SET_ID'],
    /** 1: matches packets that are not in the set. */
    flags: [5, 'be32', 'NFTA_LOOKUP_FLAGS'],
  },
  masq: {
    flags: [1, 'be32', 'NFTA_MASQ_FLAGS'],
    protoMin: [2, 'be32', 'NFTA_MASQ_REG_PROTO_MIN'],
    protoMax: [3, 'be32', 'NFTA_MASQ_REG_PROTO_MAX'],
  },
  meta: {
    dreg: [1, 'be32', 'NFTA_META_DREG'],
    /** NFT_META_*: 3 mark, 6 iifname, 7 oifname, 15 nfproto, 16 l4proto. */
    key: [2, 'be32', 'NFTA_META_KEY'],
    sreg: [3, 'be32', 'NFTA_META_SREG'],
  },
  nat: {
    /** 0 source, 1 destination. */
    type: [1, 'be32', 'NFTA_NAT_TYPE'],
    family: [2, 'be32', 'NFTA_NAT_FAMILY'],
    addrMin: [3, 'be32', 'NFTA_NAT_REG_ADDR_MIN'],
    addrMax: [4, 'be32', 'NFTA_NAT_REG_ADDR_MAX'],
    protoMin: [5, 'be32', 'NFTA_NAT_REG_PROTO_MIN'],
    protoMax: [6, 'be32', 'NFTA_NAT_REG_PROTO_MAX'],
    flags: [7, 'be32', 'NFTA_NAT_FLAGS'],
  },
  payload: {
    dreg: [1, 'be32', 'NFTA_PAYLOAD_DREG'],
    /** 0 link layer, 1 network header, 2 transport header. */
    base: [2, 'be32', 'NFTA_PAYLOAD_BASE'],
    offset: [3, 'be32', 'NFTA_PAYLOAD_OFFSET'],
    len: [4, 'be32', 'NFTA_PAYLOAD_LEN'],
    sreg: [5, 'be32', 'NFTA_PAYLOAD_SREG'],
    csumType: [6, 'be32', 'NFTA_PAYLOAD_CSUM_TYPE'],
    csumOffset: [7, 'be32', 'NFTA_PAYLOAD_CSUM_OFFSET'],
    csumFlags: [8, 'be32', 'NFTA_PAYLOAD_CSUM_FLAGS'],
  },
  range: { sreg: [1, 'be32', 'NFTA_RANGE_SREG'], op: [2, 'be32', 'NFTA_RANGE_OP'] },
  redir: {
    protoMin: [1, 'be32', 'NFTA_REDIR_REG_PROTO_MIN'],
    protoMax: [2, 'be32', 'NFTA_REDIR_REG_PROTO_MAX'],
    flags: [3, 'be32', 'NFTA_REDIR_FLAGS'],
  },
  reject: { type: [1, 'be32', 'NFTA_REJECT_TYPE'], icmpCode: [2, 'u8', 'NFTA_REJECT_ICMP_CODE'] },
} as const satisfies Record<string, Table>;

/** Members that are NFTA_DATA: bytes in packet order. */
export const dataMembers: Readonly<Record<string, readonly (readonly [member: string, type: number])[]>> = {
  bitwise: [
    ['mask', 4],
    ['xor', 5],
    ['data', 7],
  ],
  cmp: [['data', 3]],
  immediate: [['data', 2]],
  range: [
    ['from', 3],
    ['to', 4],
  ],
};
export const NONE = [] as const;

interface Data {
  bitwise: { mask?: Uint8Array; xor?: Uint8Array; data?: Uint8Array };
  cmp: { data?: Uint8Array };
  immediate: { data?: Uint8Array; verdict?: Verdict };
  range: { from?: Uint8Array; to?: Uint8Array };
}

/** The fate of a packet: NF_ACCEPT, NF_DROP, NFT_JUMP to a chain, … */
export interface Verdict {
  code: number;
  chain?: string;
}

type Members<K extends keyof typeof tables> = Values<(typeof tables)[K]> &
  (K extends keyof Data ? Data[K] : unknown);
type KnownExpression = { [K in keyof typeof tables]: { name: K } & Members<K> }[keyof typeof tables];

/** One instruction of a rule. Unknown kinds have only a name and bytes. */
export type Expression = KnownExpression | { name: 'other'; kind: string; bytes: Uint8Array };

export const NFTA_EXPR_NAME = 1;
export const NFTA_EXPR_DATA = 2;
export const NFTA_DATA_VALUE = 1;
export const NFTA_DATA_VERDICT = 2;
export const NFTA_VERDICT_CODE = 1;
export const NFTA_VERDICT_CHAIN = 2;

/** NFTA_DATA: bytes or a verdict. */
export function readData(reader: AttributeReader): Uint8Array | Verdict {
  let found: Uint8Array | Verdict = new Uint8Array(0);
  while (reader.next()) {
    if (reader.type === NFTA_DATA_VALUE) {
      found = reader.raw();
    } else if (reader.type === NFTA_DATA_VERDICT) {
      const verdict: Verdict = { code: 0 };
      const inner = reader.attributes('NFTA_DATA_VERDICT');
      while (inner.next()) {
        if (inner.type === NFTA_VERDICT_CODE) {
          verdict.code = inner.be32('NFTA_VERDICT_CODE') | 0;
        } else if (inner.type === NFTA_VERDICT_CHAIN) {
          verdict.chain = inner.string();
        }
      }
      found = verdict;
    }
  }
  return found;
}

/** Reads NFTA_RULE_EXPRESSIONS. */
export function readExpressions(reader: AttributeReader): Expression[] {
  const expressions: Expression[] = [];
  while (reader.next()) {
    let name = '';
    let expression: Expression | undefined;
    const element = reader.attributes('NFTA_LIST_ELEM');
    while (element.next()) {
      if (element.type === NFTA_EXPR_NAME) {
        name = element.string();
      } else if (element.type === NFTA_EXPR_DATA) {
        expression = readMembers(name, element);
      }
    }
    expressions.push(expression ?? readMembers(name, undefined));
  }
  return expressions;
}

function readMembers(name: string, data: AttributeReader | undefined): Expression {
  if (!Object.hasOwn(tables, name)) {
    return { name: 'other', kind: name, bytes: data?.raw() ?? new Uint8Array(0) };
  }
  const members: Record<string, unknown> & { unknown?: UnknownAttribute[] } = {};
  const named = dataMembers[name] ?? NONE;
  const reader = data?.attributes(name);
  while (reader?.next()) {
    const member = named.find(([, type]) => type === reader.type)?.[0];
    if (member !== undefined) {
      const value = readData(reader.attributes(`${name} ${member}`));
      members[value instanceof Uint8Array ? member : 'verdict'] = value;
    } else if (!readField(reader, tables[name as keyof typeof tables], members)) {
      keepUnknown(members, reader);
    }
  }
  return { name, ...members } as unknown as Expression;
}
