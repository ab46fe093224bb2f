import { type Prefix, parsePrefix } from '@cnikit/netlink/codec';

/** An address of the kernel's or of IPAM's, which are well-formed: anything else is a bug here. */
export function knownPrefix(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === undefined)
    throw new TypeError(`Not an address with a prefix length: ${JSON.stringify(text)}`);
  return prefix;
}

/** Whether two subnets share an address; those of different families never do. */
export function overlap(a: Prefix, b: Prefix): boolean {
  if (a.address.length !== b.address.length) return false;
  const bits = Math.min(a.length, b.length);
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (a.address[i] !== b.address[i]) return false;
  const rest = bits & 7;
  if (rest === 0) return true;
  const mask = 0xff00 >> rest;
  return ((a.address[whole] as number) & mask) === ((b.address[whole] as number) & mask);
}
