/** Addresses of the kernel and of results, as text with a prefix length. */
import {
  addressAt,
  formatAddress,
  formatPrefix,
  lastAddress,
  network,
  type Prefix,
  parsePrefix,
} from '@cnikit/ip';

/**
 * Reads an address that the kernel or the IPAM plugin has returned.
 *
 * @throws {TypeError} when it is malformed, which is a bug of this program
 */
export function knownPrefix(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === undefined) {
    throw new TypeError(`Not an address with a prefix length: ${JSON.stringify(text)}`);
  }
  return prefix;
}

/** Returns true for an IPv6 address, with or without prefix length. */
export function isIPv6(address: string): boolean {
  return address.includes(':');
}

/** Returns '10.1.2.3' for '10.1.2.3/24' and for '10.1.2.3'. */
export function withoutLength(address: string): string {
  const slash = address.indexOf('/');
  return slash === -1 ? address : address.slice(0, slash);
}

/** Returns the prefix length of a single address. */
export function hostLength(address: string): 32 | 128 {
  return isIPv6(address) ? 128 : 32;
}

/** The last result of `subnetOf()`: several features need the subnet of a pod. */
let last = { address: '', subnet: '' };

/** Returns the subnet of an address: '10.1.2.0/24' for '10.1.2.3/24'. */
export function subnetOf(address: string): string {
  if (last.address !== address) {
    const prefix = knownPrefix(address);
    last = { address, subnet: formatPrefix(network(prefix.address, prefix.length)) };
  }
  return last.subnet;
}

/** Returns the first host address of a subnet, by convention the gateway: '10.1.2.1' for '10.1.2.3/24'. */
export function firstHost(address: string): string {
  return formatAddress(addressAt(knownPrefix(address), 1));
}

/**
 * Returns the broadcast address of an IPv4 subnet: '10.1.2.255' for '10.1.2.3/24'. Returns `undefined` for IPv6 and for
 * subnets of one or two addresses, which have none (RFC 3021).
 */
export function broadcastOf(address: string): string | undefined {
  if (isIPv6(address)) {
    return undefined;
  }
  const prefix = knownPrefix(address);
  return prefix.length > 30 ? undefined : formatAddress(lastAddress(prefix));
}
