import { IptablesError } from './errors.ts';
import type { Family } from './model.ts';

const BITS = { ipv4: 32, ipv6: 128 } as const;

function parseV4(text: string): bigint | undefined {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (parts === null) {
    return undefined;
  }
  let value = 0;
  for (const part of parts.slice(1)) {
    if (Number(part) > 255) {
      return undefined;
    }
    value = value * 256 + Number(part);
  }
  return BigInt(value);
}

function parseV6(text: string): bigint | undefined {
  let rest = text;
  let low = '';
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (dotted !== null) {
    const v4 = parseV4(dotted[2] as string);
    if (v4 === undefined) {
      return undefined;
    }
    low = `${(v4 >> 16n).toString(16)}:${(v4 & 0xffffn).toString(16)}`;
    rest = (dotted[1] as string) + low;
  }
  const halves = rest.split('::');
  if (halves.length > 2) {
    return undefined;
  }
  const [head, tail] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const given = (head?.length ?? 0) + (tail?.length ?? 0);
  if (tail === undefined ? given !== 8 : given > 7) {
    return undefined;
  }
  const groups = [...(head ?? []), ...Array<string>(8 - given).fill('0'), ...(tail ?? [])];
  let value = 0n;
  for (const group of groups) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) {
      return undefined;
    }
    value = (value << 16n) | BigInt(`0x${group}`);
  }
  return value;
}

function formatV4(value: bigint): string {
  const number = Number(value);
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join('.');
}

/** As inet_ntop(3) of glibc writes it, since iptables-save prints with that. */
function formatV6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(112 - 16 * i)) & 0xffffn));
  let best = { start: -1, length: 1 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0) {
      length++;
    }
    if (length > best.length) {
      best = { start, length };
    }
  }
  const mapped = best.start === 0 && (best.length === 6 || (best.length === 5 && groups[5] === 0xffff));
  if (mapped) {
    return `${best.length === 6 ? '::' : '::ffff:'}${formatV4(value & 0xffffffffn)}`;
  }
  const hex = groups.map((group) => group.toString(16));
  if (best.start < 0) {
    return hex.join(':');
  }
  return `${hex.slice(0, best.start).join(':')}::${hex.slice(best.start + best.length).join(':')}`;
}

/** One address in the canonical spelling, or undefined when it is none of that family. */
export function canonicalAddress(text: string, family: Family): string | undefined {
  if (family === 'ipv4') {
    const value = parseV4(text);
    return value === undefined ? undefined : formatV4(value);
  }
  const value = parseV6(text);
  return value === undefined ? undefined : formatV6(value);
}

function parseMask(text: string, family: Family): bigint | undefined {
  const bits = BITS[family];
  if (/^\d{1,3}$/.test(text)) {
    if (Number(text) > bits) {
      return undefined;
    }
    return ((1n << BigInt(text)) - 1n) << BigInt(bits - Number(text));
  }
  return family === 'ipv4' ? parseV4(text) : parseV6(text);
}

/** Prefix length of a mask, or undefined when its ones have holes. */
function prefixLength(mask: bigint, bits: number): number | undefined {
  const text = mask.toString(2).padStart(bits, '0');
  const zero = text.indexOf('0');
  if (zero < 0) {
    return bits;
  }
  return text.includes('1', zero) ? undefined : zero;
}

/**
 * A network as iptables-save prints it: host bits cleared, prefix length always present, dotted masks
 * turned into a length where they are one. Throws `INVALID` for anything that is not one network of
 * that family (a host name, a list, the other family).
 */
export function canonicalNetwork(text: string, family: Family): string {
  const slash = text.indexOf('/');
  const host = slash < 0 ? text : text.slice(0, slash);
  const value = family === 'ipv4' ? parseV4(host) : parseV6(host);
  const mask = parseMask(slash < 0 ? String(BITS[family]) : text.slice(slash + 1), family);
  if (value === undefined || mask === undefined) {
    throw new IptablesError(
      'INVALID',
      `"${text}" is not one ${family === 'ipv4' ? 'IPv4' : 'IPv6'} address or network`,
    );
  }
  const format = family === 'ipv4' ? formatV4 : formatV6;
  const length = prefixLength(mask, BITS[family]);
  return `${format(value & mask)}/${length ?? format(mask)}`;
}
