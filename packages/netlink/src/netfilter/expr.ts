/**
 * Matches and statements of `nft`, each as its expressions. Import the entry as a namespace:
 *
 * ```ts
 * import * as expr from '@cnikit/netlink/nftables/expr';
 *
 * const expressions = [...expr.source('10.244.0.0/16'), ...expr.masquerade()];
 * ```
 *
 * @module
 */
import { type Family, parseAddress, parsePrefix } from '@cnikit/ip';
import { type ByteOrder, writeU32 } from '../codec/bytes.ts';
import { NetlinkEncodeError } from '../codec/errors.ts';
import { macBytes } from '../codec/mac.ts';
import { encodeText, textLength } from '../codec/text.ts';
import { constant, type Expression, NFT_REG_1, NFT_REG_2, NFT_REG32_00, type Verdict } from './expression.ts';
import { NF_ACCEPT, NF_DROP, NFT_GOTO, NFT_JUMP, NFT_RETURN } from './objects.ts';

export { inputGroup, sourceUnroutable } from './expr-origin.ts';

const NFT_META_MARK = 3;
const NFT_META_IIFNAME = 6;
const NFT_META_OIFNAME = 7;
const NFT_META_NFPROTO = 15;
const NFT_META_L4PROTO = 16;
const LINK_HEADER = 0;
const NETWORK_HEADER = 1;
const TRANSPORT_HEADER = 2;
const EQUAL = 0;
const NOT_EQUAL = 1;

/** `not` inverts the match. */
interface Not {
  not?: boolean;
}

const compare = (data: Uint8Array, { not = false }: Not = {}): Expression => ({
  name: 'cmp',
  sreg: NFT_REG_1,
  op: not ? NOT_EQUAL : EQUAL,
  data,
});

const load = (key: number): Expression => constant({ name: 'meta', key, dreg: NFT_REG_1 });
const loadVersion = load(NFT_META_NFPROTO);
const loadProtocol = load(NFT_META_L4PROTO);
const loadMark = load(NFT_META_MARK);
const loadInput = load(NFT_META_IIFNAME);
const loadOutput = load(NFT_META_OIFNAME);
const storeMark = constant({ name: 'meta', key: NFT_META_MARK, sreg: NFT_REG_1 });
const loadPort: Expression = constant({
  ...{ name: 'payload', base: TRANSPORT_HEADER },
  ...{ offset: 2, len: 2, dreg: NFT_REG_1 },
});
const noBits = new Uint8Array(4);

/** `iifname "eth0"`; a `*` at the end matches any suffix. */
export const inputInterface = (name: string, options?: Not): Expression[] => [
  loadInput,
  compare(interfaceName(name), options),
];

/** `oifname "eth0"`; a `*` at the end matches any suffix. */
export const outputInterface = (name: string, options?: Not): Expression[] => [
  loadOutput,
  compare(interfaceName(name), options),
];

/** Returns sixteen bytes, padded with zeros, or with a wildcard only the prefix. */
function interfaceName(name: string): Uint8Array {
  const wildcard = name.endsWith('*');
  const bare = wildcard ? name.slice(0, -1) : name;
  const size = textLength(bare);
  if (size === 0 || size > 15) {
    throw new NetlinkEncodeError('TOO_LONG', `${JSON.stringify(name)} is not a valid link name`);
  }
  const bytes = new Uint8Array(wildcard ? size : 16);
  encodeText(bare, bytes, 0);
  return bytes;
}

/** `ip saddr 10.0.0.0/8` or `ip6 saddr`; in family inet it also checks the IP version. */
export const source = (prefix: string, options?: Not): Expression[] => addressMatch(prefix, 12, 8, options);

/** `ip daddr 10.0.0.0/8` or `ip6 daddr`. */
export const destination = (prefix: string, options?: Not): Expression[] =>
  addressMatch(prefix, 16, 24, options);

function addressMatch(text: string, offset4: number, offset6: number, options?: Not): Expression[] {
  const prefix = parsePrefix(text, { leadingZeros: false });
  if (prefix === undefined) {
    throw new NetlinkEncodeError('BAD_ADDRESS', `${JSON.stringify(text)} is not an address or prefix`);
  }
  const { address, length } = prefix;
  const isIpv4 = address.length === 4;
  const offset = isIpv4 ? offset4 : offset6;
  const mask = address.map((_, i) => 0xff << (8 - Math.min(8, Math.max(0, length - 8 * i))));
  const network = address.map((byte, i) => byte & mask[i]!);
  const whole = length > 0 && length % 8 === 0; // whole bytes need no mask
  const len = whole ? length / 8 : address.length;
  return [
    ...ipVersion(isIpv4 ? 'ipv4' : 'ipv6'),
    { name: 'payload', base: NETWORK_HEADER, offset, len, dreg: NFT_REG_1 },
    ...(whole
      ? []
      : [
          { name: 'bitwise', sreg: NFT_REG_1, dreg: NFT_REG_1, len, mask, xor: new Uint8Array(len) } as const,
        ]),
    compare(network.slice(0, len), options),
  ];
}

const versions = {
  ipv4: [loadVersion, constant(compare(Uint8Array.of(2)))],
  ipv6: [loadVersion, constant(compare(Uint8Array.of(10)))],
} as const;

/** `meta nfproto ipv4`, in family inet. */
export const ipVersion = (family: Family): Expression[] => [...versions[family]];

const protocolNumbers = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58, sctp: 132 } as const;
const isTcp = constant(compare(Uint8Array.of(protocolNumbers.tcp)));
const isUdp = constant(compare(Uint8Array.of(protocolNumbers.udp)));

/** `meta l4proto tcp`. */
export function protocol(name: keyof typeof protocolNumbers, options?: Not): Expression[] {
  const known = options?.not ? undefined : name === 'tcp' ? isTcp : name === 'udp' ? isUdp : undefined;
  return [loadProtocol, known ?? compare(Uint8Array.of(protocolNumbers[name]), options)];
}

/** `th dport 80`, after `protocol()`. */
export const destinationPort = (port: number, options?: Not): Expression[] => [
  loadPort,
  compare(portBytes(port), options),
];

const portBytes = (port: number): Uint8Array => {
  if (!(Number.isInteger(port) && port >= 0 && port <= 65535)) {
    throw new NetlinkEncodeError('BAD_VALUE', `${port} is not a port`);
  }
  return Uint8Array.of(port >> 8, port);
};

/** Bits of `ct state`. */
const ctStates = { invalid: 1, established: 2, related: 4, new: 8, untracked: 64 } as const;

/** `ct state established,related`. The state is in host byte order. */
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
    { name: 'bitwise', sreg: NFT_REG_1, dreg: NFT_REG_1, len: 4, mask, xor: noBits },
    compare(noBits, { not: true }),
  ];
}

const RTN_LOCAL = 2;
const loadDestinationType = constant({ name: 'fib', dreg: NFT_REG_1, result: 3, flags: 2 });

/** `fib daddr type local`: packets to an address of this host. */
export const toLocal = ({ not, order = 'little' }: Not & { order?: ByteOrder } = {}): Expression[] => [
  loadDestinationType,
  compare(hostNumber(RTN_LOCAL, order), { not }),
];

/** `ether saddr 02:00:00:00:00:01`, in family bridge. */
export const etherSource = (mac: string, options?: Not): Expression[] => [
  { name: 'payload', base: LINK_HEADER, offset: 6, len: 6, dreg: NFT_REG_1 },
  compare(macBytes(mac, 'MAC'), options),
];

/** `meta mark set meta mark | 0x2000`. The mark is in host byte order. */
export const setMarkBits = (bits: number, order: ByteOrder = 'little'): Expression[] => [
  loadMark,
  {
    name: 'bitwise',
    sreg: NFT_REG_1,
    dreg: NFT_REG_1,
    len: 4,
    mask: hostNumber(~bits >>> 0, order),
    xor: hostNumber(bits, order),
  },
  storeMark,
];

/** `meta mark & 0x2000 == 0x2000`. */
export const hasMarkBits = (bits: number, order: ByteOrder = 'little'): Expression[] => [
  loadMark,
  {
    name: 'bitwise',
    sreg: NFT_REG_1,
    dreg: NFT_REG_1,
    len: 4,
    mask: hostNumber(bits, order),
    xor: noBits,
  },
  compare(hostNumber(bits, order)),
];

/** Fields that a set or map can be keyed by, with the names of `nft`. */
const selectors = {
  'ip saddr': { version: 2, offset: 12, len: 4 },
  'ip daddr': { version: 2, offset: 16, len: 4 },
  'ip6 saddr': { version: 10, offset: 8, len: 16 },
  'ip6 daddr': { version: 10, offset: 24, len: 16 },
  'meta l4proto': { len: 1 },
  'th dport': { len: 2 },
} as const;
/** A field of the key of a set or map. `th dport` needs `meta l4proto`. */
export type Selector = keyof typeof selectors;

/**
 * `ip daddr . meta l4proto . th dport vmap @NAME`: the verdict of a map. In family inet it also checks the IP version for
 * addresses. A packet that is not in the map continues with the next statement.
 */
export function verdictMap(key: readonly Selector[], map: string): Expression[] {
  const version = key.map((one) => selectors[one]).find((one) => 'version' in one);
  const load: Expression[] = [];
  let word = 0;
  for (const one of key) {
    // `nft` uses NFT_REG_1, which overlaps the first 4-byte registers.
    const dreg = word === 0 ? NFT_REG_1 : NFT_REG32_00 + word;
    const { len } = selectors[one];
    const from = selectors[one];
    if (one === 'meta l4proto') {
      load.push({ name: 'meta', key: NFT_META_L4PROTO, dreg });
    } else if ('offset' in from) {
      load.push({ name: 'payload', base: NETWORK_HEADER, offset: from.offset, len, dreg });
    } else {
      load.push({ name: 'payload', base: TRANSPORT_HEADER, offset: 2, len, dreg });
    }
    word += (len + 3) >> 2;
  }
  return [
    ...(version === undefined ? [] : ipVersion(version.version === 2 ? 'ipv4' : 'ipv6')),
    ...load,
    { name: 'lookup', set: map, sreg: NFT_REG_1, dreg: 0 },
  ];
}

function hostNumber(value: number, order: ByteOrder): Uint8Array {
  const bytes = new Uint8Array(4);
  writeU32(bytes, 0, value, order === 'little');
  return bytes;
}

/** `counter`. */
export const counter = (): Expression[] => [{ name: 'counter', bytes: 0, packets: 0 }];

const verdict = (it: Verdict): Expression[] => [{ name: 'immediate', dreg: 0, verdict: it }];
const always = { accept: NF_ACCEPT, drop: NF_DROP, return: NFT_RETURN } as const;
const [accepted, dropped, returned] = Object.values(always).map((code) =>
  constant<Expression>({ name: 'immediate', dreg: 0, verdict: { code } }),
) as [Expression, Expression, Expression];
/** `accept`. */
export const accept = (): Expression[] => [accepted];
/** `drop`. */
export const drop = (): Expression[] => [dropped];
/** `return`. */
export const returnBack = (): Expression[] => [returned];
/** `jump CHAIN`. */
export const jump = (chain: string): Expression[] => verdict({ code: NFT_JUMP, chain });
/** `goto CHAIN`. */
export const goTo = (chain: string): Expression[] => verdict({ code: NFT_GOTO, chain });
/** `masquerade`, in a nat chain of the hook postrouting. */
export const masquerade = (options: { flags?: number } = {}): Expression[] => [
  options.flags === undefined ? masqueraded : { name: 'masq', ...options },
];
const masqueraded: Expression = constant({ name: 'masq' });

const NFPROTO = { ipv4: 2, ipv6: 10 } as const;
const destinationNat = (family: Family): Expression =>
  constant({
    ...{ name: 'nat', type: 1, family: NFPROTO[family] },
    ...{ addrMin: NFT_REG_1, protoMin: NFT_REG_2, flags: 2 /* NF_NAT_RANGE_PROTO_SPECIFIED */ },
  });
const destinationNats = { ipv4: destinationNat('ipv4'), ipv6: destinationNat('ipv6') };

/** `dnat to 10.0.0.2:80`, in a nat chain of the hook prerouting or output. */
export function dnat({ address, port }: { address: string; port?: number }): Expression[] {
  const bytes = parseAddress(address);
  if (bytes === undefined) {
    throw new NetlinkEncodeError('BAD_ADDRESS', `${JSON.stringify(address)} is not an IP address`);
  }
  const family = bytes.length === 4 ? 'ipv4' : 'ipv6';
  const target = { name: 'immediate', dreg: NFT_REG_1, data: bytes } as const;
  if (port === undefined) {
    return [target, { name: 'nat', type: 1, family: NFPROTO[family], addrMin: NFT_REG_1 }];
  }
  return [target, { name: 'immediate', dreg: NFT_REG_2, data: portBytes(port) }, destinationNats[family]];
}
