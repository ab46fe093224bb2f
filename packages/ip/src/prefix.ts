import { checkBytes } from '#check-bytes';
import { formatAddress, writePrefix } from '#text';
import { type AddressBytes, compareAddresses } from './address.ts';

/** An address and a prefix length, such as `10.244.1.7/24`. */
export interface Prefix {
  address: AddressBytes;
  /** Number of network bits: 0 to 32, or 0 to 128. */
  length: number;
}

/** Options of `parsePrefix()`. */
export interface PrefixRules {
  /**
   * Accept leading zeros in the length, such as `/08`, as Go's `net.ParseCIDR` does.
   *
   * @default true
   */
  leadingZeros?: boolean;
}

const scratch = new Uint8Array(17);

/**
 * Reads `10.244.1.7/24` and keeps the host bits. An address alone has the length 32 or 128. Returns
 * `undefined` when the text is not a prefix.
 */
export function parsePrefix(text: string, rules?: PrefixRules): Prefix | undefined {
  const size = writePrefix(text, rules?.leadingZeros ?? true, scratch);
  return size === 0 ? undefined : { address: scratch.slice(0, size), length: scratch[16]! };
}

/**
 * Reads a prefix and clears its host bits: `10.244.1.7/24` becomes `10.244.1.0/24`. Returns `undefined` when
 * the text is not a prefix.
 */
export function parseNetwork(text: string): Prefix | undefined {
  const prefix = parsePrefix(text);
  return prefix && network(prefix.address, prefix.length);
}

/** Returns `10.244.1.0/24`, with the address in canonical text. */
export function formatPrefix({ address, length }: Prefix): string {
  return `${formatAddress(address)}/${length}`;
}

/** Returns the network of that length that contains `address`: host bits cleared, in new bytes. */
export function network(address: AddressBytes, length: number): Prefix {
  checkBytes(address);
  const bytes = address.slice();
  const whole = length >> 3;
  if (whole < bytes.length) {
    bytes[whole]! &= 0xff00 >> (length & 7);
    bytes.fill(0, whole + 1);
  }
  return { address: bytes, length };
}

/** Returns the address `index` after the first of a network: `10.244.1.1` for `10.244.1.0/24` and 1. */
export function addressAt({ address, length }: Prefix, index: number): AddressBytes {
  const { address: bytes } = network(address, length);
  let carry = index;
  for (let i = bytes.length - 1; i >= 0 && carry > 0; i--) {
    carry += bytes[i]!;
    bytes[i] = carry % 256;
    carry = Math.floor(carry / 256);
  }
  return bytes;
}

/**
 * Returns the last address of a network, for IPv4 the broadcast address: `10.244.1.255` for `10.244.1.0/24`.
 */
export function lastAddress({ address, length }: Prefix): AddressBytes {
  checkBytes(address);
  const bytes = address.slice();
  const whole = length >> 3;
  if (whole < bytes.length) {
    bytes[whole]! |= 0xff >> (length & 7);
    bytes.fill(0xff, whole + 1);
  }
  return bytes;
}

/** Returns true when `outer` contains the address, or every address of the prefix, `inner`. */
export function contains(outer: Prefix, inner: Prefix | AddressBytes): boolean {
  if (inner instanceof Uint8Array) {
    return sharesBits(outer.address, inner, outer.length);
  }
  // In this order, text instead of a prefix throws. The other order would return false for it.
  return sharesBits(outer.address, inner.address, outer.length) && inner.length >= outer.length;
}

/** Returns true when two prefixes have an address in common. */
export function overlaps(a: Prefix, b: Prefix): boolean {
  return sharesBits(a.address, b.address, Math.min(a.length, b.length));
}

/** Returns true for addresses of one family whose first `length` bits are equal. */
function sharesBits(a: AddressBytes, b: AddressBytes, length: number): boolean {
  checkBytes(a);
  checkBytes(b);
  if (a.length !== b.length) {
    return false;
  }
  const whole = length >> 3;
  for (let i = 0; i < whole; i++) {
    if (a[i] !== b[i]) {
      return false;
    }
  }
  const rest = length & 7;
  return rest === 0 || (a[whole]! ^ b[whole]!) >> (8 - rest) === 0;
}

/**
 * Returns the fewest networks that cover exactly the addresses of `networks`, in ascending order. Host bits
 * must be clear, as `parseNetwork()` and `network()` return them.
 */
export function aggregate(networks: Iterable<Prefix>): Prefix[] {
  const merged: Prefix[] = [];
  for (const prefix of [...networks].sort(comparePrefixes)) {
    const last = merged.at(-1);
    if (last !== undefined && contains(last, prefix)) {
      continue;
    }
    merged.push(prefix);
    mergeHalves(merged);
  }
  return merged;
}

/** Replaces the last two networks by their union while they are halves of one network. */
function mergeHalves(merged: Prefix[]): void {
  for (;;) {
    const [lower, upper] = merged.slice(-2);
    if (lower === undefined || upper === undefined || lower.length !== upper.length || upper.length === 0) {
      return;
    }
    const union = network(lower.address, lower.length - 1);
    if (compareAddresses(union.address, lower.address) !== 0 || !contains(union, upper)) {
      return;
    }
    merged.splice(-2, 2, union);
  }
}

/** Orders by address, and an outer network before the networks in it. */
function comparePrefixes(a: Prefix, b: Prefix): number {
  return compareAddresses(a.address, b.address) || a.length - b.length;
}
