import {
  type Address,
  addressBeside,
  compareAddresses,
  distance,
  firstOf,
  formatAddress,
  formatSubnet,
  lastOf,
  parseAddress,
  parseSubnet,
} from './address.ts';
import { IpamError } from './errors.ts';

/** A range in the configuration. */
export interface RangeConfig {
  /** CIDR without host bits, at least a /30 or a /126. */
  subnet: string;
  /**
   * First address to allocate.
   *
   * @default the second address of the subnet
   */
  rangeStart?: string;
  /**
   * Last address to allocate.
   *
   * @default the last address of the subnet, for IPv4 the one before the broadcast address
   */
  rangeEnd?: string;
  /**
   * Gateway, which is returned in results and never allocated. It must be an address of the subnet.
   *
   * @default the second address of the subnet
   */
  gateway?: string;
}

/** A validated range. */
export interface Range {
  readonly start: Address;
  readonly end: Address;
  readonly gateway: Address;
  readonly prefix: number;
}

/** Alternative ranges of one family. An attachment gets one address from each set. */
export type RangeSet = readonly Range[];

function invalid(message: string): never {
  throw new IpamError('CONFIG', message);
}

function address(text: string): Address {
  return parseAddress(text) ?? invalid(`invalid IP address: ${text}`);
}

/** Returns true when a range contains an address. The gateway counts as part of the range. */
export function rangeContains(range: Range, candidate: Address): boolean {
  return (
    candidate.length === range.start.length &&
    compareAddresses(candidate, range.start) >= 0 &&
    compareAddresses(candidate, range.end) <= 0
  );
}

/** Returns the range of a set that contains an address. */
export function rangeFor(set: RangeSet, candidate: Address): Range | undefined {
  return set.find((range) => rangeContains(range, candidate));
}

/** Returns 'first-last' of each range, joined by commas, as messages name a set. */
export function rangeSetText(set: RangeSet): string {
  return set.map((range) => `${formatAddress(range.start)}-${formatAddress(range.end)}`).join(',');
}

/** Counts the addresses that a set can allocate. Inexact above 2^53. */
export function rangeSetSize(set: RangeSet): number {
  let size = 0;
  for (const range of set) {
    size += distance(range.start, range.end) - (rangeContains(range, range.gateway) ? 1 : 0);
  }
  return size;
}

function overlap(a: RangeSet, b: RangeSet): [Range, Range] | undefined {
  for (const one of a) {
    for (const other of b) {
      if (one.start.length !== other.start.length) {
        continue;
      }
      if (compareAddresses(one.start, other.end) <= 0 && compareAddresses(other.start, one.end) <= 0) {
        return [one, other];
      }
    }
  }
  return undefined;
}

/** A range with parsed addresses, before validation. */
interface Draft {
  subnet: ReturnType<typeof parseSubnet>;
  start: Address | undefined;
  end: Address | undefined;
  gateway: Address | undefined;
}

function draftOf({ subnet, rangeStart, rangeEnd, gateway }: RangeConfig): Draft {
  const parsed = subnet === undefined ? undefined : parseSubnet(subnet);
  if (subnet !== undefined && !parsed) {
    invalid(`invalid CIDR address: ${subnet}`);
  }
  const optional = (text: string | undefined) => (text ? address(text) : undefined);
  return { subnet: parsed, start: optional(rangeStart), end: optional(rangeEnd), gateway: optional(gateway) };
}

function rangeOf({ subnet, start, end, gateway }: Draft): Range {
  if (!subnet) {
    return invalid('IP <nil> not v4 nor v6');
  }
  if (subnet === 'mapped') {
    return invalid('IPNet IP and Mask version mismatch');
  }
  const { prefix } = subnet;
  const isIPv4 = subnet.address.length === 1;
  if (prefix > subnet.address.length * 32 - 2) {
    invalid(`Network ${formatSubnet(subnet)} too small to allocate from`);
  }
  const first = firstOf(subnet);
  if (compareAddresses(first, subnet.address) !== 0) {
    invalid(
      `Network has host bits set. For a subnet mask of length ${prefix} the network address is ${formatAddress(first)}`,
    );
  }
  const second = addressBeside(first, 1);
  const last = lastOf(subnet);
  const whole: Range = { start: first, end: last, gateway: gateway ?? second, prefix };
  const outside = (name: string, bound: Address): never =>
    invalid(`${name} ${formatAddress(bound)} not in network ${formatSubnet(subnet)}`);

  // The node would get the gateway's address and a route for the gateway's net, which is not the pods'.
  if (!rangeContains(whole, whole.gateway)) {
    outside('gateway', whole.gateway);
  }
  if (start && !rangeContains(whole, start)) {
    outside('RangeStart', start);
  }
  if (end && !rangeContains(whole, end)) {
    outside('RangeEnd', end);
  }
  const range = { ...whole, start: start ?? second, end: end ?? (isIPv4 ? addressBeside(last, -1) : last) };
  if (compareAddresses(range.start, range.end) > 0) {
    const [from, to] = [formatAddress(range.start), formatAddress(range.end)];
    invalid(`RangeStart ${from} is after RangeEnd ${to} in network ${formatSubnet(subnet)}`);
  }
  return range;
}

function rangeSetOf(drafts: readonly Draft[]): RangeSet {
  if (drafts.length === 0) {
    invalid('empty range set');
  }
  const set = drafts.map(rangeOf);
  if (set.some((range) => range.start.length !== set[0]!.start.length)) {
    invalid('mixed address families');
  }
  for (let i = 0; i < set.length - 1; i++) {
    const pair = overlap([set[i]!], set.slice(i + 1));
    if (pair) {
      invalid(`subnets ${rangeSetText([pair[0]])} and ${rangeSetText([pair[1]])} overlap`);
    }
  }
  return set;
}

/**
 * Validates range sets by the rules of host-local: subnets of at least four addresses without host bits, gateways
 * within them, one family per set, no overlap within or between sets.
 *
 * @throws {IpamError} `CONFIG` with host-local's message
 */
export function parseRangeSets(configs: readonly (readonly RangeConfig[])[]): RangeSet[] {
  if (configs.length === 0) {
    invalid('no IP ranges specified');
  }
  const drafts = configs.map((set) => set.map(draftOf));
  const sets = drafts.map((set, i) => {
    try {
      return rangeSetOf(set);
    } catch (error) {
      return invalid(`invalid range set ${i}: ${(error as Error).message}`);
    }
  });
  for (let i = 0; i < sets.length; i++) {
    for (let j = i + 1; j < sets.length; j++) {
      if (overlap(sets[i]!, sets[j]!)) {
        invalid(`range set ${i} overlaps with ${j}`);
      }
    }
  }
  return sets;
}
