import { formatAddress, type Prefix, parsePrefix } from '@cnikit/netlink/codec';

/** An address of the kernel's or of IPAM's, which are well-formed: anything else is a bug here. */
export function knownPrefix(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === undefined) {
    throw new TypeError(`Not an address with a prefix length: ${JSON.stringify(text)}`);
  }
  return prefix;
}

/** Whether two subnets share an address; those of different families never do. */
export function overlap(a: Prefix, b: Prefix): boolean {
  if (a.address.length !== b.address.length) {
    return false;
  }
  const bits = Math.min(a.length, b.length);
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) {
    if (a.address[i] !== b.address[i]) {
      return false;
    }
  }
  const rest = bits & 7;
  if (rest === 0) {
    return true;
  }
  const mask = 0xff00 >> rest;
  return ((a.address[whole] as number) & mask) === ((b.address[whole] as number) & mask);
}

/** Whether an address, with or without prefix length, is of IPv6. */
export function isIPv6(address: string): boolean {
  return address.includes(':');
}

/** '10.1.2.3' of '10.1.2.3/24'. */
export function withoutLength(address: string): string {
  return address.slice(0, address.indexOf('/'));
}

/** The length that a single address of the family has. */
export function hostLength(address: string): 32 | 128 {
  return isIPv6(address) ? 128 : 32;
}

/** The subnet of an address: '10.1.2.0/24' of '10.1.2.3/24'. */
export function subnetOf(address: string): string {
  const { address: bytes, length } = subnetBytes(address);
  return `${formatAddress(bytes)}/${length}`;
}

/** The first host address of a subnet, where gateways are by convention: '10.1.2.1' of '10.1.2.3/24'. */
export function firstHost(address: string): string {
  const { address: bytes } = subnetBytes(address);
  for (let i = bytes.length - 1; i >= 0; i--) {
    bytes[i] = (bytes[i] as number) + 1;
    if (bytes[i] !== 0) {
      break;
    }
  }
  return formatAddress(bytes);
}

/**
 * The broadcast address of an IPv4 subnet: '10.1.2.255' of '10.1.2.3/24'. Undefined for IPv6 and for subnets of one or
 * two addresses, which have none (RFC 3021).
 */
export function broadcastOf(address: string): string | undefined {
  const { address: bytes, length } = subnetBytes(address);
  if (bytes.length !== 4 || length > 30) {
    return undefined;
  }
  for (let i = 0; i < bytes.length; i++) {
    const kept = Math.min(8, Math.max(0, length - 8 * i));
    bytes[i] = (bytes[i] as number) | (0xff >> kept);
  }
  return formatAddress(bytes);
}

function subnetBytes(text: string): Prefix {
  const { address, length } = knownPrefix(text);
  const bytes = address.slice();
  for (let i = 0; i < bytes.length; i++) {
    const kept = Math.min(8, Math.max(0, length - 8 * i));
    bytes[i] = (bytes[i] as number) & (0xff00 >> kept);
  }
  return { address: bytes, length };
}
