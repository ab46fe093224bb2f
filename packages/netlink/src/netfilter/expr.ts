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
import { parsePrefix } from '@cnikit/ip';
import type { ByteOrder } from '../codec/bytes.ts';
import { NetlinkEncodeError } from '../codec/errors.ts';
import { macBytes } from '../codec/mac.ts';
import {
  compare,
  hostNumber,
  interfaceName,
  ipVersion,
  LINK_HEADER,
  NETWORK_HEADER,
  type Not,
  portBytes,
  TRANSPORT_HEADER,
} from './expr-parts.ts';
import { type Expression, NFT_REG_1, type Verdict } from './expression.ts';
import { constant } from './expression-encode.ts';
import { NF_ACCEPT, NF_DROP, NFT_GOTO, NFT_JUMP, NFT_RETURN } from './objects.ts';

export { type KeyPart, lookup, type Selector, verdictMap } from './expr-lookup.ts';
export { dnat, masquerade, snat } from './expr-nat.ts';
export {
  connectionCount,
  flowOffload,
  hasConnectionLabel,
  notrack,
  type QueueOptions,
  queue,
  quota,
  setConnectionLabel,
  type UpdateSetOptions,
  updateSet,
  useObject,
} from './expr-objects.ts';
export { fromLocal, inputGroup, sourceRoutedTo, sourceUnroutable } from './expr-origin.ts';
export { ipVersion } from './expr-parts.ts';
export { destinationPortRange, destinationRange, icmpv6Type, sourceRange } from './expr-range.ts';
export {
  hasConnectionMarkBits,
  type LimitOptions,
  type LogOptions,
  limit,
  log,
  type RejectReason,
  reject,
  setConnectionMarkBits,
} from './expr-statements.ts';

const NFT_META_MARK = 3;
const NFT_META_IIFNAME = 6;
const NFT_META_OIFNAME = 7;
const NFT_META_L4PROTO = 16;

const load = (key: number): Expression => constant({ name: 'meta', key, dreg: NFT_REG_1 });
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
  const version = ipVersion(isIpv4 ? 'ipv4' : 'ipv6');
  if (length > 0 && length % 8 === 0) {
    // Whole bytes need no mask.
    const len = length / 8;
    return [...version, loadHeader(offset, len), compare(address.slice(0, len), options)];
  }
  const len = address.length;
  const mask = address.map((_, i) => 0xff << (8 - Math.min(8, Math.max(0, length - 8 * i))));
  return [
    ...version,
    loadHeader(offset, len),
    { name: 'bitwise', sreg: NFT_REG_1, dreg: NFT_REG_1, len, mask, xor: new Uint8Array(len) },
    compare(
      address.map((byte, i) => byte & mask[i]!),
      options,
    ),
  ];
}

const headerField = (offset: number, len: number) =>
  ({ name: 'payload', base: NETWORK_HEADER, offset, len, dreg: NFT_REG_1 }) as const;

/** Fields of IPv4 headers, source and destination, by their place. */
const headerLoads = [12, 16].map((offset) =>
  [1, 2, 3, 4].map((len) => constant<Expression>(headerField(offset, len))),
);

/** Loads the first bytes of an address. */
function loadHeader(offset: number, len: number): Expression {
  const bySize = offset === 12 ? headerLoads[0] : offset === 16 ? headerLoads[1] : undefined;
  return bySize?.[len - 1] ?? headerField(offset, len);
}

/**
 * Encodes expressions that many rules have, such as `setMarkBits(0x4000)`. Do not change them afterwards.
 */
export const encoded = (expressions: readonly Expression[]): readonly Expression[] =>
  expressions.map((expression) => constant(expression));

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
