/**
 * The refinements of the schemas, as named functions, so that the generated guards can call the same ones.
 * Each takes a value its schema's base type has already accepted.
 */
import { parseCidr, parseIp } from './address.ts';

/** `address/prefix`. */
export function isCidr(text: string): boolean {
  return parseCidr(text) !== undefined;
}

/** An address, or the empty string, which stands for none as in the reference's encoding. */
export function isIpOrEmpty(text: string): boolean {
  return text === '' || parseIp(text) !== undefined;
}

/** An address with or without prefix, as the `ips` capability has it. */
export function isIpOrCidr(text: string): boolean {
  return parseIp(text) !== undefined || parseCidr(text) !== undefined;
}

/** A 48-bit or 64-bit hardware address or a 20-byte InfiniBand one, with colons or dashes. */
export function isMac(text: string): boolean {
  return /^[0-9a-fA-F]{2}(([:-])[0-9a-fA-F]{2})(\2[0-9a-fA-F]{2}){4}((\2[0-9a-fA-F]{2}){2}|(\2[0-9a-fA-F]{2}){14})?$/.test(
    text,
  );
}

/** A transport the portMappings convention names, in any case. */
export function isProtocol(text: string): boolean {
  return /^(tcp|udp|sctp)?$/i.test(text);
}

/** Rate and burst come together (CONVENTIONS, bandwidth): one without the other says nothing. */
export function isPairedBandwidth(value: Readonly<Record<string, unknown>>): boolean {
  return !value.ingressRate === !value.ingressBurst && !value.egressRate === !value.egressBurst;
}

/** `disableCheck` and its kin: booleans, or the strings true and false in any case, as libcni takes them. */
export function isBooleanText(text: string): boolean {
  return /^(true|false)$/i.test(text);
}
