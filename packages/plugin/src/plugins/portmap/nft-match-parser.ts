/**
 * The part of nft's language by which users say of packets what they have to be like: addresses, ports, protocols,
 * interfaces, marks, states of connections and kinds of addresses, each with an operator, ranges and sets.
 */

import type { parsePrefix } from '@cnikit/netlink/codec';
import type { destination, Expression, inputInterface, source } from '@cnikit/netlink/nftables';
import type { PortFamily } from './host-port.ts';

/** What it needs of @cnikit/netlink, handed to it lest the script that it is in the executable have a second of each. */
export interface Kit {
  parsePrefix: typeof parsePrefix;
  source: typeof source;
  destination: typeof destination;
  inputInterface: typeof inputInterface;
}

type Numbers = Readonly<Record<string, number>>;

const OPERATORS = ['==', '!=', '<', '<=', '>', '>='];
const NOT_EQUAL = 1;
const PROTOCOLS: Numbers = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58, sctp: 132 };
const ADDRESS_TYPES: Numbers = { unicast: 1, local: 2, broadcast: 3, anycast: 4, multicast: 5 };
const STATES: Numbers = { invalid: 1, established: 2, related: 4, new: 8, untracked: 64 };
/** Rules that a pod's conditions make of each of its own. */
const MOST = 64;

/** What is looked at. */
interface Subject {
  /** Gets it into the register. */
  load: readonly Expression[];
  /** A value's bytes; undefined for a word that is none. */
  bytes(word: string): Uint8Array | undefined;
  /** A test for equality of its own, of words that have no bytes. */
  test?(word: string, not: boolean): Expression[] | undefined;
  /** Numbers of the host are in the order of its bytes, which the kernel does not compare by. */
  isHosts?: boolean;
  /** Bits of which one has to be set, instead of a value. */
  areBits?: boolean;
}

const numbers =
  (size: number, known: Numbers = {}): Subject['bytes'] =>
  (word) => {
    const value = known[word] ?? (/^(0x[\da-f]+|\d+)$/i.test(word) ? Number(word) : -1);
    if (!(value >= 0 && value < 2 ** (8 * size))) {
      return undefined;
    }
    // A port is in the order of the network, a mark in that of the host, which is the other one here.
    if (size === 2) {
      return Uint8Array.of(value >> 8, value);
    }
    return Uint8Array.of(value, value >> 8, value >> 16, value >>> 24).slice(0, size);
  };

const meta = (key: number): Expression => ({ name: 'meta', key, dreg: 1 });
const payload = (base: number, offset: number, len: number): Expression => {
  return { name: 'payload', dreg: 1, base, offset, len };
};
const compare = (op: number, data: Uint8Array): Expression => ({ name: 'cmp', sreg: 1, op, data });
const masked = (mask: Uint8Array): Expression => {
  return { name: 'bitwise', sreg: 1, dreg: 1, len: 4, mask, xor: new Uint8Array(4) };
};

/** The subject of two words. */
function subjectOf(first: string, second: string, family: PortFamily, kit: Kit): Subject | undefined {
  const isV4 = family === 'ipv4';
  switch (`${first} ${second}`) {
    case isV4 ? 'ip saddr' : 'ip6 saddr':
      return addresses(isV4 ? [12, 4] : [8, 16], kit, kit.source);
    case isV4 ? 'ip daddr' : 'ip6 daddr':
      return addresses(isV4 ? [16, 4] : [24, 16], kit, kit.destination);
    case isV4 ? 'ip protocol' : 'ip6 nexthdr':
      return { load: [payload(1, isV4 ? 9 : 6, 1)], bytes: numbers(1, PROTOCOLS) };
    case 'meta l4proto':
      return { load: [meta(16)], bytes: numbers(1, PROTOCOLS) };
    case 'meta mark':
      return { load: [meta(3)], bytes: numbers(4), isHosts: true };
    case 'ct state':
      return { load: [{ name: 'ct', key: 0, dreg: 1 }], bytes: numbers(4, STATES), areBits: true };
    case 'fib saddr':
    case 'fib daddr': {
      const flags = second === 'saddr' ? 1 : 2;
      return {
        load: [{ name: 'fib', dreg: 1, result: 3, flags }],
        bytes: numbers(4, ADDRESS_TYPES),
        isHosts: true,
      };
    }
  }
  if (second !== 'sport' && second !== 'dport') {
    return undefined;
  }
  const port = payload(2, second === 'sport' ? 0 : 2, 2);
  const protocol = /^(tcp|udp|sctp)$/.test(first) ? PROTOCOLS[first] : undefined;
  if (protocol === undefined) {
    return first === 'th' ? { load: [port], bytes: numbers(2) } : undefined;
  }
  return { load: [meta(16), compare(0, Uint8Array.of(protocol)), port], bytes: numbers(2) };
}

function addresses([offset, size]: [number, number], { parsePrefix }: Kit, match: Kit['source']): Subject {
  const parsed = (word: string) => {
    const found = parsePrefix(word);
    return found?.address.length === size ? found : undefined;
  };
  return {
    load: [payload(1, offset, size)],
    bytes: (word) => (word.includes('/') ? undefined : parsed(word)?.address),
    // Without the version of IP, which has been tested.
    test: (word, not) => (parsed(word) ? match(word, { not }).slice(2) : undefined),
  };
}

function interfaces(name: string, { inputInterface }: Kit): Subject {
  const load = [meta(name === 'iifname' ? 6 : 7)];
  return {
    load,
    bytes: () => undefined,
    test: (word, not) =>
      /^[^*]{1,15}\*?$/.test(word) && word.length < 16
        ? [...load, ...inputInterface(word, { not }).slice(1)]
        : undefined,
  };
}

/** What a packet is tested by for one value: a word, a prefix of an address, or a range. */
function testOf({ load, bytes, test, isHosts }: Subject, op: number, word: string): Expression[] | undefined {
  const value = bytes(word);
  const isEquality = op <= NOT_EQUAL;
  if (value !== undefined) {
    return isEquality || !isHosts ? [...load, compare(op, value)] : undefined;
  }
  if (!isEquality || isHosts) {
    return undefined;
  }
  const [from, to, ...more] = word.split('-').map(bytes);
  if (from && to && more.length === 0) {
    return [...load, { name: 'range', sreg: 1, op, from, to }];
  }
  return test?.(word, op === NOT_EQUAL);
}

/** Bits together: without an operator one of them is to be set, so that what is left of all is not nothing. */
function bitsTest({ load, bytes }: Subject, op: number, words: readonly string[]): Expression[] | undefined {
  const mask = new Uint8Array(4);
  for (const word of words) {
    const bits = bytes(word);
    if (bits === undefined || op > NOT_EQUAL) {
      return undefined;
    }
    bits.forEach((byte, i) => {
      mask[i] = byte | (mask[i] as number);
    });
  }
  return op < 0
    ? [...load, masked(mask), compare(NOT_EQUAL, new Uint8Array(4))]
    : [...load, compare(op, mask)];
}

/**
 * The alternatives that a packet has to fit one of, each with all that it has to be like; a family's version has been
 * tested before. A set is an alternative for each of its members, so that no rule needs an object beside it.
 *
 * @returns undefined for words that are not understood
 */
export function conditionAlternatives(
  words: readonly string[],
  family: PortFamily,
  kit: Kit,
): Expression[][] | undefined {
  const open: string[] = words.join(' ').match(/"[^"]*"|[{},&]|[<>=!]+|[^\s{},&<>=!"]+|"/g) ?? [];
  const take = (): string => open.shift() ?? '';
  let all: Expression[][] = [[]];
  while (open.length > 0) {
    let first = take();
    if (first === 'meta' && /^[io]if/.test(open[0] ?? '')) {
      first = take();
    }
    const subject = /^[io]ifname$/.test(first)
      ? interfaces(first, kit)
      : subjectOf(first, take(), family, kit);
    if (subject === undefined || (first === 'fib' && take() !== 'type')) {
      return undefined;
    }
    if (open[0] === '&' || open[0] === 'and') {
      take();
      const mask = subject.bytes(take());
      if (mask === undefined || first !== 'meta' || !subject.isHosts) {
        return undefined;
      }
      subject.load = [...subject.load, masked(mask)];
    }
    const op = OPERATORS.indexOf(open[0] ?? '');
    if (op >= 0) {
      take();
    }
    const isSet = open[0] === '{';
    const values = valuesOf(open, isSet);
    const tests =
      subject.areBits && !isSet
        ? [bitsTest(subject, op, values)]
        : values.map((word) => testOf(subject, Math.max(op, 0), word));
    if (values.length === 0 || tests.includes(undefined)) {
      return undefined;
    }
    if (values.length > 1 && !isSet && !subject.areBits) {
      return undefined;
    }
    const known = tests as Expression[][];
    all =
      op === NOT_EQUAL
        ? all.map((one) => [...one, ...known.flat()])
        : all.flatMap((one) => known.map((test) => [...one, ...test]));
    if (all.length > MOST) {
      return undefined;
    }
  }
  return all;
}

/** One value, several with commas between them, or a set; none when it does not end. */
function valuesOf(open: string[], isSet: boolean): string[] {
  const end = isSet ? open.indexOf('}') : open.findIndex((_, i) => i % 2 === 1 && open[i] !== ',');
  const all = open.splice(0, isSet || end >= 0 ? end + Number(isSet) : open.length);
  const members = isSet ? all.slice(1, -1) : all;
  if (members.length % 2 === 0) {
    return [];
  }
  return members.filter((_, i) => i % 2 === 0).map((word) => word.replaceAll('"', ''));
}
