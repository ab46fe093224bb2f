import { expect, test } from 'vitest';
import type { NodeRoute } from '../core/model.ts';
import { createSelfTest } from './self-test.ts';

const routes = (count: number): Map<string, NodeRoute> =>
  new Map(
    Array.from({ length: count }, (_, i) => {
      const dst = `10.${i >> 8}.${i & 255}.0/24`;
      return [dst, { dst, via: '192.0.2.2', oif: 2, dev: 'eth0' }];
    }),
  );

test('createSelfTest() tests a bounded number of routes per pass, and all of them in turn', () => {
  const asked: string[] = [];
  const selfTest = createSelfTest((address) => {
    asked.push(address);
    return { via: '192.0.2.2', oif: 2 };
  });
  const all = routes(150);
  for (const expected of [64, 128, 192]) {
    expect(selfTest(all)).toEqual([]);
    expect(asked).toHaveLength(expected);
  }
  expect(new Set(asked).size).toBe(150);
  expect(asked[0]).toBe('10.0.0.1');
  expect(selfTest(new Map())).toEqual([]);
});

test.each([
  ['another gateway', () => ({ via: '192.0.2.9', oif: 2 }), /10.0.0.1 goes via 192.0.2.9 on link #2/],
  ['another link', () => ({ oif: 7 }), /10.0.0.1 goes without a gateway on link #7/],
  ['nowhere', () => undefined, /goes without a gateway/],
  [
    'an error',
    () => {
      throw new Error('ENETUNREACH: no route');
    },
    /dev eth0: ENETUNREACH: no route/,
  ],
])('createSelfTest() reports %s and tests the same routes again', (_, answer, reason) => {
  let right = false;
  const selfTest = createSelfTest(() => (right ? { via: '192.0.2.2', oif: 2 } : answer()));
  expect(selfTest(routes(3))).toMatchObject([{ kind: 'self-test', message: expect.stringMatching(reason) }]);
  right = true;
  expect(selfTest(routes(3))).toEqual([]);
});
