/** Addresses as Go's `net.IP` holds them: an IPv4-mapped IPv6 address is an IPv4 address. */
import { type AddressBytes, isMapped, type Prefix, parseAddress, parsePrefix, unmap } from '@cnikit/ip';

/** Returns the bytes of an address, or `undefined` when the text is not one. */
export function parseIp(text: string): AddressBytes | undefined {
  const bytes = parseAddress(text);
  return bytes && unmap(bytes);
}

/** Returns an address with its prefix length, host bits kept, or `undefined`, also for an address alone. */
export function parseCidr(text: string): Prefix | undefined {
  const prefix = text.includes('/') ? parsePrefix(text) : undefined;
  if (!prefix || !isMapped(prefix.address)) {
    return prefix;
  }
  return { address: unmap(prefix.address), length: Math.max(0, prefix.length - 96) };
}
