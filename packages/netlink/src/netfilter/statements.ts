/** Matches and statements as `nft` writes them, each as the expressions that they stand for. */
import { type ByteOrder, writeU32 } from '../codec/bytes.ts';
import { NetlinkEncodeError } from '../codec/errors.ts';
import { addressBytes, parsePrefix } from '../codec/ip.ts';
import { encodeText, textLength } from '../codec/text.ts';
import { type Expression, NFT_REG_1, NFT_REG_2, type Verdict } from './expression.ts';
import { NF_ACCEPT, NF_DROP, NFT_GOTO, NFT_JUMP, NFT_RETURN } from './objects.ts';

const NFT_META_IIFNAME = 6;
const NFT_META_OIFNAME = 7;
const NFT_META_NFPROTO = 15;
const NFT_META_L4PROTO = 16;
const NETWORK_HEADER = 1;
const TRANSPORT_HEADER = 2;
const EQUAL = 0;
const NOT_EQUAL = 1;

/** Matches, or with `not` matches what is otherwise. */
interface Not {
  not?: boolean;
}

const compare = (data: Uint8Array, { not = false }: Not = {}): Expression => ({
  name: 'cmp',
  sreg: NFT_REG_1,
  op: not ? NOT_EQUAL : EQUAL,
  data,
});

/** `iifname "eth0"`; a `*` at the end stands for any rest. */
export const inputInterface = (name: string, options?: Not): Expression[] => [
  { name: 'meta', key: NFT_META_IIFNAME, dreg: NFT_REG_1 },
  compare(interfaceName(name), options),
];

/** `oifname "eth0"`; a `*` at the end stands for any rest. */
export const outputInterface = (name: string, options?: Not): Expression[] => [
  { name: 'meta', key: NFT_META_OIFNAME, dreg: NFT_REG_1 },
  compare(interfaceName(name), options),
];

/** Sixteen bytes, filled with zeros; only the start of them with a wildcard. */
function interfaceName(name: string): Uint8Array {
  const wildcard = name.endsWith('*');
  const bare = wildcard ? name.slice(0, -1) : name;
  const size = textLength(bare);
  if (size === 0 || size > 15)
    throw new NetlinkEncodeError('TOO_LONG', `${JSON.stringify(name)} is no link's name`);
  const bytes = new Uint8Array(wildcard ? size : 16);
  encodeText(bare, bytes, 0);
  return bytes;
}

/** `ip saddr 10.0.0.0/8` or `ip6 saddr`; in family inet with the check of the IP version that it needs. */
export const source = (prefix: string, options?: Not): Expression[] => addressMatch(prefix, 12, 8, options);

/** `ip daddr 10.0.0.0/8` or `ip6 daddr`. */
export const destination = (prefix: string, options?: Not): Expression[] =>
  addressMatch(prefix, 16, 24, options);

function addressMatch(text: string, offset4: number, offset6: number, options?: Not): Expression[] {
  const prefix = parsePrefix(text);
  if (prefix === undefined) {
    throw new NetlinkEncodeError('BAD_ADDRESS', `${JSON.stringify(text)} is no address or prefix`);
  }
  const { address, length } = prefix;
  const isIpv4 = address.length === 4;
  const offset = isIpv4 ? offset4 : offset6;
  const version = [
    { name: 'meta', key: NFT_META_NFPROTO, dreg: NFT_REG_1 },
    compare(Uint8Array.of(isIpv4 ? 2 : 10)),
  ] as const;
  const mask = address.map((_, i) => 0xff << (8 - Math.min(8, Math.max(0, length - 8 * i))));
  const network = address.map((byte, i) => byte & mask[i]!);
  const whole = length > 0 && length % 8 === 0; // whole bytes need no mask
  const len = whole ? length / 8 : address.length;
  return [
    ...version,
    { name: 'payload', base: NETWORK_HEADER, offset, len, dreg: NFT_REG_1 },
    ...(whole
      ? []
      : [
          { name: 'bitwise', sreg: NFT_REG_1, dreg: NFT_REG_1, len, mask, xor: new Uint8Array(len) } as const,
        ]),
    compare(network.slice(0, len), options),
  ];
}

const protocolNumbers = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58, sctp: 132 } as const;

/** `meta l4proto tcp`. */
export const protocol = (name: keyof typeof protocolNumbers, options?: Not): Expression[] => [
  { name: 'meta', key: NFT_META_L4PROTO, dreg: NFT_REG_1 },
  compare(Uint8Array.of(protocolNumbers[name]), options),
];

/** `th dport 80`, after `protocol()`. */
export const destinationPort = (port: number, options?: Not): Expression[] => [
  { name: 'payload', base: TRANSPORT_HEADER, offset: 2, len: 2, dreg: NFT_REG_1 },
  compare(portBytes(port), options),
];

const portBytes = (port: number): Uint8Array => {
  if (!(Number.isInteger(port) && port >= 0 && port <= 65535)) {
    throw new NetlinkEncodeError('BAD_VALUE', `${port} is no port`);
  }
  return Uint8Array.of(port >> 8, port);
};

/** Bits of `ct state`. */
const ctStates = { invalid: 1, established: 2, related: 4, new: 8, untracked: 64 } as const;

/** `ct state established,related`. The state is a number of the host, so its byte order counts. */
export function connectionState(
  states: ReadonlyArray<keyof typeof ctStates>,
  order: ByteOrder = 'little',
): Expression[] {
  const mask = hostNumber(
    states.reduce((sum, state) => sum | ctStates[state], 0),
    order,
  );
  return [
    { name: 'ct', key: 0, dreg: NFT_REG_1 },
    { name: 'bitwise', sreg: NFT_REG_1, dreg: NFT_REG_1, len: 4, mask, xor: new Uint8Array(4) },
    compare(new Uint8Array(4), { not: true }),
  ];
}

const RTN_LOCAL = 2;

/** `fib daddr type local`: to an address of this host. */
export const toLocal = ({ not, order = 'little' }: Not & { order?: ByteOrder } = {}): Expression[] => [
  { name: 'fib', dreg: NFT_REG_1, result: 3, flags: 2 },
  compare(hostNumber(RTN_LOCAL, order), not === undefined ? {} : { not }),
];

function hostNumber(value: number, order: ByteOrder): Uint8Array {
  const bytes = new Uint8Array(4);
  writeU32(bytes, 0, value, order === 'little');
  return bytes;
}

/** `counter`. */
export const counter = (): Expression[] => [{ name: 'counter', bytes: 0, packets: 0 }];

const verdict = (it: Verdict): Expression[] => [{ name: 'immediate', dreg: 0, verdict: it }];
/** `accept`. */
export const accept = (): Expression[] => verdict({ code: NF_ACCEPT });
/** `drop`. */
export const drop = (): Expression[] => verdict({ code: NF_DROP });
/** `return`. */
export const returnBack = (): Expression[] => verdict({ code: NFT_RETURN });
/** `jump CHAIN`. */
export const jump = (chain: string): Expression[] => verdict({ code: NFT_JUMP, chain });
/** `goto CHAIN`. */
export const goTo = (chain: string): Expression[] => verdict({ code: NFT_GOTO, chain });
/** `masquerade`, in a nat chain of the hook postrouting. */
export const masquerade = (options: { flags?: number } = {}): Expression[] => [{ name: 'masq', ...options }];

/** `dnat to 10.0.0.2:80`, in a nat chain of the hook prerouting or output. */
export function dnat({ address, port }: { address: string; port?: number }): Expression[] {
  const bytes = addressBytes(address, 'Address');
  const family = bytes.length === 4 ? 2 : 10;
  const target = { name: 'immediate', dreg: NFT_REG_1, data: bytes } as const;
  if (port === undefined) return [target, { name: 'nat', type: 1, family, addrMin: NFT_REG_1 }];
  return [
    target,
    { name: 'immediate', dreg: NFT_REG_2, data: portBytes(port) },
    {
      name: 'nat',
      type: 1,
      family,
      addrMin: NFT_REG_1,
      protoMin: NFT_REG_2,
      flags: 2 /* NF_NAT_RANGE_PROTO_SPECIFIED */,
    },
  ];
}
