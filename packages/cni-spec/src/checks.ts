/**
 * The refinements of the schemas, as named functions that the generated guards call too. Each gets a value of
 * the base type of its schema.
 */
import { writeAddress, writePrefix } from '@cnikit/ip';

/** Receives addresses and prefixes that are only checked. */
const unread = new Uint8Array(17);

/** Returns true for `address/prefix`. */
export function isCidr(text: string): boolean {
  return text.includes('/') && writePrefix(text, true, unread) !== 0;
}

/** Returns true for an address, or for the empty string, which stands for none as in libcni. */
export function isIpOrEmpty(text: string): boolean {
  return text === '' || isIp(text);
}

/** Returns true for an address with or without prefix length, as in the `ips` capability. */
export function isIpOrCidr(text: string): boolean {
  return isIp(text) || isCidr(text);
}

function isIp(text: string): boolean {
  return writeAddress(text, 0, text.length, unread, 0) !== 0;
}

/**
 * Returns true for a hardware address of 48 or 64 bits, or of 20 bytes (InfiniBand), with colons or dashes.
 */
export function isMac(text: string): boolean {
  return /^[0-9a-fA-F]{2}(([:-])[0-9a-fA-F]{2})(\2[0-9a-fA-F]{2}){4}((\2[0-9a-fA-F]{2}){2}|(\2[0-9a-fA-F]{2}){14})?$/.test(
    text,
  );
}

/** Returns true for a protocol of the portMappings convention, in any case. */
export function isProtocol(text: string): boolean {
  return /^(tcp|udp|sctp)?$/i.test(text);
}

/** Returns true when each rate has a burst and each burst a rate (CONVENTIONS, bandwidth). */
export function isPairedBandwidth(value: Readonly<Record<string, unknown>>): boolean {
  return !value.ingressRate === !value.ingressBurst && !value.egressRate === !value.egressBurst;
}

/**
 * Returns true for the strings true and false in any case, which libcni accepts for flags such as
 * `disableCheck`.
 */
export function isBooleanText(text: string): boolean {
  return /^(true|false)$/i.test(text);
}
