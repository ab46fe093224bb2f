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
  type Subnet,
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
  return {
    subnet: parsed,
    start: rangeStart ? address(rangeStart) : undefined,
    end: rangeEnd ? address(rangeEnd) : undefined,
    gateway: gateway ? address(gateway) : undefined,
  };
}

function draftsOf(set: readonly RangeConfig[]): Draft[] {
  const drafts: Draft[] = [];
  for (let i = 0; i < set.length; i++) {
    drafts[i] = draftOf(set[i]!);
  }
  return drafts;
}

function assertInside(name: string, bound: Address, first: Address, last: Address, subnet: Subnet): void {
  if (
    bound.length !== first.length ||
    compareAddresses(bound, first) < 0 ||
    compareAddresses(bound, last) > 0
  ) {
    invalid(`${name} ${formatAddress(bound)} not in network ${formatSubnet(subnet)}`);
  }
}

function rangeOf({ subnet, start, end, gateway }: Draft): Range {
  if (!subnet) {
    return invalid('IP <nil> not v4 nor v6');
  }
  if (subnet === 'mapped') {
    return invalid('IPNet IP and Mask version mismatch');
  }
  const { address: first, prefix } = subnet;
  if (prefix > first.length * 32 - 2) {
    invalid(`Network ${formatSubnet(subnet)} too small to allocate from`);
  }
  const lowest = firstOf(subnet);
  if (compareAddresses(lowest, first) !== 0) {
    invalid(
      `Network has host bits set. For a subnet mask of length ${prefix} the network address is ${formatAddress(lowest)}`,
    );
  }
  const second = addressBeside(first, 1);
  const last = lastOf(subnet);
  // The node would get the gateway's address and a route for the gateway's net, which is not the pods'.
  if (gateway) {
    assertInside('gateway', gateway, first, last, subnet);
  }
  if (start) {
    assertInside('RangeStart', start, first, last, subnet);
  }
  if (end) {
    assertInside('RangeEnd', end, first, last, subnet);
  }
  const range = {
    start: start ?? second,
    end: end ?? (first.length === 1 ? addressBeside(last, -1) : last),
    gateway: gateway ?? second,
    prefix,
  };
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
  const set: Range[] = [];
  for (let i = 0; i < drafts.length; i++) {
    set[i] = rangeOf(drafts[i]!);
  }
  for (let i = 1; i < set.length; i++) {
    if (set[i]!.start.length !== set[0]!.start.length) {
      invalid('mixed address families');
    }
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
  const drafts: Draft[][] = [];
  for (let i = 0; i < configs.length; i++) {
    drafts[i] = draftsOf(configs[i]!);
  }
  const sets: RangeSet[] = [];
  for (let i = 0; i < drafts.length; i++) {
    try {
      sets[i] = rangeSetOf(drafts[i]!);
    } catch (error) {
      invalid(`invalid range set ${i}: ${(error as Error).message}`);
    }
  }
  for (let i = 0; i < sets.length; i++) {
    for (let j = i + 1; j < sets.length; j++) {
      if (overlap(sets[i]!, sets[j]!)) {
        invalid(`range set ${i} overlaps with ${j}`);
      }
    }
  }
  return sets;
}
