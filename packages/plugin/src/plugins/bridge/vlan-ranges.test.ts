import { expect, test } from 'vitest';
import { vlanRanges } from './vlan-ranges.ts';

test.each([
  [[], []],
  [[{ id: 5 }], [[5, 5]]],
  [
    [{ minID: 10, maxID: 20 }, { id: 5 }],
    [
      [5, 5],
      [10, 20],
    ],
  ],
  [[{ minID: 10, maxID: 20 }, { id: 21 }, { id: 15 }], [[10, 21]]],
  [
    [{ id: 4, minID: 10, maxID: 10 }],
    [
      [4, 4],
      [10, 10],
    ],
  ],
])('vlanRanges(%j) is %j', (trunk, expected) => {
  expect(vlanRanges(trunk).map(({ first, last }) => [first, last])).toEqual(expected);
});

test.each([
  [{ minID: 10 }, /maxID is missing/],
  [{ maxID: 10 }, /minID is missing/],
  [{ minID: 10, maxID: 9 }, /minID is greater than maxID/],
])('vlanRanges([%j]) throws', (item, message) => {
  expect(() => vlanRanges([item])).toThrow(message);
});
