/** Random but valid requests, for properties and as seeds of the fuzzer. */
import { formatAddress } from '@cnikit/ip';
import fc from 'fast-check';
import { formatMac } from '../src/codec/mac.ts';
import { type Names, nameOf } from '../src/codec/names.ts';
import type { Table } from '../src/codec/table.ts';

export const u8 = fc.nat(0xff);
export const u16 = fc.nat(0xffff);
export const u32 = fc.nat(0xffffffff);
export const index = fc.integer({ min: 1, max: 0x7fffffff });
export const name = fc.stringMatching(/^[a-z][a-z0-9.-]{0,14}$/);

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
export const ipv4 = bytes(4).map((a) => formatAddress(a));
export const ipv6 = bytes(16).map((a) => formatAddress(a));
export const address = fc.oneof(ipv4, ipv6);
export const prefix = fc.oneof(
  fc.tuple(ipv4, fc.integer({ min: 1, max: 32 })).map(([a, length]) => `${a}/${length}`),
  fc.tuple(ipv6, fc.integer({ min: 1, max: 128 })).map(([a, length]) => `${a}/${length}`),
);
export const mac = bytes(6).map((a) => formatMac(a));

const wires = {
  u8,
  u16,
  u32,
  s32: fc.integer({ min: -0x80000000, max: 0x7fffffff }),
  u64: fc.oneof(u32, fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n })),
  be16: u16,
  be32: u32,
  be64: u32,
  bool: fc.boolean(),
  flag: fc.constant(true),
  string: name,
  raw: fc.uint8Array({ minLength: 1, maxLength: 12 }),
  ipv4,
  ipv6,
  ip: address,
  mac,
};

/** Numbers, and the names of those that have one. */
export const named = (names: Names, numbers: fc.Arbitrary<number>): fc.Arbitrary<number | string> =>
  fc
    .oneof(numbers, fc.constantFrom(...Object.keys(names).map(Number)))
    .map((number) => nameOf(names, number));

/** Any values of a table. */
export function valuesOf(table: Table): fc.Arbitrary<Record<string, unknown>> {
  const members = Object.entries(table).map(([key, [, wire, , names]]) => {
    const value = wires[wire] as fc.Arbitrary<unknown>;
    return [key, names === undefined ? value : named(names, value as fc.Arbitrary<number>)];
  });
  return fc.record(Object.fromEntries(members), { requiredKeys: [] }) as fc.Arbitrary<
    Record<string, unknown>
  >;
}
