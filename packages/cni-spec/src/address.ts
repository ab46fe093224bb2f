/** An address in network byte order: 4 bytes, or 16. IPv4-mapped IPv6 is held as 4, as everyone in the field treats it. */
export type AddressBytes = readonly number[];

/** A parsed `address/prefix`. */
export interface Cidr {
  bytes: AddressBytes;
  prefix: number;
}

function parseIPv4(text: string): number[] | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) {
    return undefined;
  }
  const bytes: number[] = [];
  for (const part of parts) {
    const byte = Number(part);
    // As a number is written. No leading zeros: some parsers take them for octal, so nobody should guess.
    if (!(byte >= 0 && byte <= 255) || String(byte) !== part) {
      return undefined;
    }
    bytes.push(byte);
  }
  return bytes;
}

/** The 16-bit groups of one side of `::`, an IPv4 tail included. */
function parseGroups(text: string): number[] | undefined {
  if (text === '') {
    return [];
  }
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      const tail = index === parts.length - 1 ? parseIPv4(part) : undefined;
      if (!tail) {
        return undefined;
      }
      groups.push((tail[0]! << 8) | tail[1]!, (tail[2]! << 8) | tail[3]!);
    }
  }
  return groups;
}

function parseIPv6(text: string): number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) {
    return undefined;
  }
  const head = parseGroups(halves[0]!);
  const tail = halves.length === 2 ? parseGroups(halves[1]!) : [];
  if (!head || !tail) {
    return undefined;
  }
  // An IPv4 tail may only end the address: `1.2.3.4::` is none.
  if (halves.length === 2 && halves[0]!.includes('.')) {
    return undefined;
  }
  const gap = 8 - head.length - tail.length;
  if (halves.length === 2 ? gap < 1 : gap !== 0) {
    return undefined;
  }
  return [...head, ...new Array<number>(gap).fill(0), ...tail].flatMap((group) => [group >> 8, group & 255]);
}

function isMapped(bytes: readonly number[]): boolean {
  return (
    bytes.length === 16 &&
    bytes.slice(0, 10).every((byte) => byte === 0) &&
    bytes[10] === 255 &&
    bytes[11] === 255
  );
}

/** The bytes of an IPv4 or IPv6 address, or undefined if the text is none. Zones (`%eth0`) are refused. */
export function parseIp(text: string): AddressBytes | undefined {
  const bytes = text.includes(':') ? parseIPv6(text) : parseIPv4(text);
  return bytes && isMapped(bytes) ? bytes.slice(12) : bytes;
}

/** An address with its prefix length, host bits kept, or undefined. A bare address is none. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/');
  if (slash < 0) {
    return undefined;
  }
  const address = text.slice(0, slash);
  const bytes = parseIp(address);
  const length = text.slice(slash + 1);
  if (!bytes || !/^\d{1,3}$/.test(length)) {
    return undefined;
  }
  const v6 = address.includes(':');
  let prefix = Number(length);
  if (prefix > (v6 ? 128 : 32)) {
    return undefined;
  }
  if (v6 && bytes.length === 4) {
    prefix = Math.max(0, prefix - 96);
  }
  return { bytes, prefix };
}

/** Canonical text (RFC 5952): lower case, the longest run of two or more zero groups as `::`. */
export function formatIp(bytes: AddressBytes): string {
  if (bytes.length === 4) {
    return bytes.join('.');
  }
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) {
    groups.push((bytes[i]! << 8) | bytes[i + 1]!);
  }
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let run = 0;
    while (i + run < 8 && groups[i + run] === 0) {
      run++;
    }
    if (run > length) {
      [start, length] = [i, run];
    }
  }
  const text = (part: number[]) => part.map((group) => group.toString(16)).join(':');
  return start < 0 ? text(groups) : `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`;
}

/** Canonical `address/prefix`. */
export function formatCidr(cidr: Cidr): string {
  return `${formatIp(cidr.bytes)}/${cidr.prefix}`;
}
