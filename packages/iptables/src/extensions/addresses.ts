import { canonicalAddress } from '../address.ts';
import { type Context, one, type Spell } from './values.ts';

/** Spells `first[-last]` with `spell`, and one value for a range of one. */
function spellSpan(text: string, spell: (part: string) => string | undefined): string | undefined {
  const [first = '', last = first, more] = text.split('-');
  const from = spell(first);
  const to = spell(last);
  if (from === undefined || to === undefined || more !== undefined) {
    return undefined;
  }
  return from === to ? from : `${from}-${to}`;
}

const spellPortNumber = (text: string): string | undefined =>
  /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? String(Number(text)) : undefined;

/** Ports as NAT targets write them: `first[-last]`. */
export const natPorts: Spell = one((text) => spellSpan(text, spellPortNumber));

/** Addresses as iprange writes them: `first-last`, always both. */
export const addressRange: Spell = one((text, { family }) => {
  const [first = '', last = first, more] = text.split('-');
  const from = canonicalAddress(first, family);
  const to = canonicalAddress(last, family);
  return from === undefined || to === undefined || more !== undefined ? undefined : `${from}-${to}`;
});

function spellDestination(text: string, { family }: Context): string | undefined {
  const pattern = family === 'ipv4' ? /^([^:]*)(?::(.*))?$/ : /^\[([^\]]*)\](?::(.*))?$|^([^[\]]*)$/;
  const [, bracketed, ports, bare] = pattern.exec(text) ?? [];
  const host = bracketed ?? bare;
  if (host === undefined) {
    return undefined;
  }
  const addresses = host === '' ? '' : spellSpan(host, (part) => canonicalAddress(part, family));
  const span = ports === undefined ? undefined : spellSpan(ports, spellPortNumber);
  if (addresses === undefined || (ports !== undefined && span === undefined)) {
    return undefined;
  }
  if (span === undefined) {
    return family === 'ipv6' && bracketed !== undefined ? undefined : addresses;
  }
  return family === 'ipv4' ? `${addresses}:${span}` : `[${addresses}]:${span}`;
}

/** Addresses and ports as DNAT and SNAT write them: `[first[-last]][:first[-last]]`. */
export const natAddresses: Spell = one(spellDestination);
