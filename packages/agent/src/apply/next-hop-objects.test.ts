import type { NextHopObject, Route } from '@cnikit/netlink';
import { expect, test } from 'vitest';
import { resolveNextHops } from './next-hop-objects.ts';

const objects = new Map<number, NextHopObject>([
  [1, { id: 1, via: '192.0.2.1', oif: 2 }],
  [2, { id: 2, via: '198.51.100.1', oif: 3 }],
  [3, { id: 3, blackhole: true }],
  [
    9,
    {
      id: 9,
      group: [
        { id: 1, weight: 1 },
        { id: 2, weight: 4 },
        { id: 7, weight: 1 },
      ],
    },
  ],
]);
const route = (changes: Partial<Route>) => ({ family: 'ipv4', dst: '0.0.0.0/0', ...changes }) as Route;

test.each([
  ['the gateway and the link of an object', { nextHopId: 1 }, { via: '192.0.2.1', oif: 2 }],
  [
    'the next hops of a group, without members that do not exist',
    { nextHopId: 9 },
    {
      nextHops: [
        { via: '192.0.2.1', oif: 2, weight: 1 },
        { via: '198.51.100.1', oif: 3, weight: 4 },
      ],
    },
  ],
  ['no link to a route through a blackhole', { nextHopId: 3 }, {}],
  ['nothing to a route through an unknown object', { nextHopId: 8 }, {}],
  ['nothing to a complete route', { nextHopId: 1, oif: 5 }, {}],
  ['nothing to a route without an object', { oif: 5 }, {}],
])('resolveNextHops() adds %s', (_, changes, added) => {
  const before = route(changes);
  expect(resolveNextHops([before], objects)).toEqual([{ ...before, ...added }]);
});
