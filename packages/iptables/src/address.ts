import {
  type AddressBytes,
  type Family,
  familyOf,
  formatAddress,
  network,
  parseAddress,
  parsePrefix,
} from '@cnikit/ip';
import { IptablesError } from './errors.ts';

/** Returns the bytes of an address of that family, or `undefined`. */
function addressOf(text: string, family: Family): AddressBytes | undefined {
  return familyOf(text) === family ? parseAddress(text) : undefined;
}

/**
 * Formats an address as inet_ntop(3) of glibc does, because iptables-save prints with it: it also writes an
 * IPv4-compatible address (`::192.0.2.1`) with a dotted tail.
 */
function format(bytes: AddressBytes): string {
  const isCompatible =
    bytes.length === 16 && bytes.findIndex((byte) => byte !== 0) >= 12 && (bytes[12] || bytes[13]);
  return isCompatible ? `::${formatAddress(bytes, 12)}` : formatAddress(bytes);
}

/** Returns an address in canonical text, or `undefined` when it is not an address of that family. */
export function canonicalAddress(text: string, family: Family): string | undefined {
  const bytes = addressOf(text, family);
  return bytes && format(bytes);
}

/** Returns the number of leading ones of a mask, or `undefined` when a one follows a zero. */
function maskLength(mask: AddressBytes): number | undefined {
  const bits = Array.from(mask, (byte) => byte.toString(2).padStart(8, '0')).join('');
  return /^1*0*$/.test(bits) ? bits.lastIndexOf('1') + 1 : undefined;
}

/**
 * Returns a network as iptables-save prints it: host bits clear, prefix length always present, a mask as a
 * length where it is one.
 *
 * @throws {IptablesError} `INVALID` when the text is not one network of that family: a host name, a list, the
 * other family.
 */
export function canonicalNetwork(text: string, family: Family): string {
  const prefix = familyOf(text) === family ? parsePrefix(text) : undefined;
  if (prefix) {
    return `${format(network(prefix.address, prefix.length).address)}/${prefix.length}`;
  }
  const [host = '', maskText = '', ...rest] = text.split('/');
  const address = addressOf(host, family);
  const mask = addressOf(maskText, family);
  if (address === undefined || mask === undefined || rest.length > 0) {
    const name = family === 'ipv4' ? 'IPv4' : 'IPv6';
    throw new IptablesError(
      'INVALID',
      `Invalid ${name} address or network "${text}": expected one, such as ${family === 'ipv4' ? '10.0.0.0/8' : 'fd00::/8'}`,
    );
  }
  const masked = address.map((byte, i) => byte & mask[i]!);
  return `${format(masked)}/${maskLength(mask) ?? format(mask)}`;
}
