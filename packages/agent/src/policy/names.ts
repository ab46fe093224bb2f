/** Names inside the table of NetworkPolicies. Pure. */
import { type Family, familyOf, parseAddress } from '@cnikit/ip';
import { type Direction, OPEN } from '@cnikit/policy/compile';
import { POLICY_TABLE } from '../core/names.ts';

export const IN_TABLE = { family: 'inet', table: POLICY_TABLE } as const;

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

/** Returns the first letter that no name begins with as `LETTER/`. */
export function freeLetter(names: Iterable<string>): string {
  const used = new Set<string>();
  for (const name of names) {
    if (name[1] === '/') {
      used.add(name[0]!);
    }
  }
  return [...LETTERS].find((letter) => !used.has(letter)) ?? LETTERS[0]!;
}

/** The kernel has no chain for {@link OPEN}. */
export const chainName = (letter: string, name: string): string =>
  name === OPEN ? OPEN : `${letter}/${name}`;
/** Returns the map from the address of a pod to its chain. */
export const podMap = (direction: Direction, family: Family): string => `${direction}-${family}`;
/** Map from the host ends of pods that may send from other source addresses to the chains of their egress. */
export const LINK_MAP = 'egress-link';
/** Returns the set of the addresses that a selection takes. */
export const selectionSet = (letter: string, number: number, family: Family): string =>
  `${letter}/selection-${number}-${family}`;
/** Returns the set of the addresses with the port that a port name stands for. */
export const portSet = (letter: string, number: number, family: Family): string =>
  `${letter}/port-${number}-${family}`;

/** Returns the family of an element. */
export const elementFamily = (text: string): Family => familyOf(text);

/** Returns the bytes of an element: an address, an address and a port, or the name of a link. */
export function elementKey(text: string): Uint8Array {
  const [address = '', port] = text.split(' ');
  const bytes = parseAddress(address) ?? linkName(address);
  if (port === undefined) {
    return bytes;
  }
  const key = new Uint8Array(bytes.length + 4);
  key.set(bytes);
  key.set([Number(port) >> 8, Number(port) & 0xff], bytes.length);
  return key;
}

/** IFNAMSIZ (linux/if.h). */
const LINK_NAME_SIZE = 16;

function linkName(text: string): Uint8Array {
  const bytes = new Uint8Array(LINK_NAME_SIZE);
  bytes.set(new TextEncoder().encode(text));
  return bytes;
}
