/** Names for the numbers of an enumeration. A number without a name stays a number. */
import { NetlinkEncodeError } from './errors.ts';

/** The names of an enumeration by number, such as `{ 0: 'bridge', 1: 'private' }`. */
export type Names = Readonly<Record<number, string>>;
/** A name of the enumeration, or any number. */
export type Named<N extends Names> = N[keyof N & number] | number;

/** Returns the name of a number, or the number when it has none. */
export function nameOf<N extends Names>(names: N, value: number): Named<N> {
  return (names[value] as Named<N> | undefined) ?? value;
}

/**
 * Returns the number of a name; a number stays.
 *
 * @throws {NetlinkEncodeError} when the name is unknown, with those that are known
 */
export function numberOf(names: Names, value: number | string, what: string): number {
  if (typeof value !== 'string') {
    return value;
  }
  for (const number in names) {
    if (names[number] === value) {
      return Number(number);
    }
  }
  throw new NetlinkEncodeError(
    'BAD_VALUE',
    `${what} ${JSON.stringify(value)} is unknown: use a number or one of ${Object.values(names).join(', ')}`,
  );
}
