import { contains, formatPrefix, network, type Prefix, parseNetwork } from '@cnikit/ip';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Hop } from '../core/model.ts';
import { foreignRoutes } from './foreign-routes.ts';

// Few bits vary, so that prefixes contain one another, and both families have the same numbers.
const address = fc
  .tuple(fc.constantFrom(4, 16), fc.array(fc.constantFrom(0, 1, 128, 255), { minLength: 3, maxLength: 3 }))
  .map(([size, bytes]) => Uint8Array.from({ length: size }, (_, i) => bytes[i] ?? bytes[2]!));
const prefix = address.chain((bytes) =>
  fc.integer({ min: 0, max: bytes.length * 8 }).map((length) => network(bytes, length)),
);
/** Longest prefix first, as the facts have them; `mtu` distinguishes equal destinations. */
const table = fc
  .array(prefix, { maxLength: 20 })
  .map((prefixes) =>
    prefixes
      .toSorted((a, b) => b.length - a.length)
      .map((one, i): Hop => ({ dst: formatPrefix(one), oif: i + 1, gateway: i % 2 === 0, mtu: i })),
  );
const lengthOf = ({ dst }: { dst: string }): number => parseNetwork(dst)!.length;

describe('ForeignRoutes', () => {
  test('ForeignRoutes.to() finds the first of the routes with the longest prefix', () => {
    fc.assert(
      fc.property(table, address, (hops, to) => {
        const first = hops.find(({ dst }) => contains(parseNetwork(dst)!, to));
        expect(foreignRoutes(hops).to(to)?.mtu).toBe(first?.mtu);
      }),
    );
  });

  test('ForeignRoutes.inside() finds one of the most specific routes inside of a prefix', () => {
    const isInside = (outer: Prefix, { dst }: { dst: string }): boolean => {
      const inner = parseNetwork(dst)!;
      return contains(outer, inner) && inner.length > outer.length;
    };
    fc.assert(
      fc.property(table, prefix, (hops, outer) => {
        const found = foreignRoutes(hops).inside(outer);
        const want = hops.find((hop) => isInside(outer, hop));
        expect(found && lengthOf(found)).toBe(want && lengthOf(want));
        expect(found === undefined || isInside(outer, found)).toBe(true);
      }),
    );
  });

  test('foreignRoutes() prepares a table once', () => {
    const hops: Hop[] = [{ dst: '10.0.0.0/8', oif: 2, gateway: false }];
    expect(foreignRoutes(hops)).toBe(foreignRoutes(hops));
  });
});
