import { formatPrefix, overlaps, parseNetwork } from '@cnikit/ip';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { node } from '../testing/nodes.ts';
import { NodeIndex } from './node-index.ts';

const claims = (...podCIDRs: string[][]): NodeIndex => {
  const all = new NodeIndex();
  podCIDRs.forEach((list, i) => void all.set(node(i + 1, { podCIDRs: list })));
  return all;
};

describe('NodeIndex.rivals() names older nodes with a podCIDR that overlaps:', () => {
  test.each([
    ['a wider one', [['10.244.0.0/16'], ['10.244.2.0/24']], '10.244.2.0/24', ['n1 10.244.0.0/16']],
    ['a narrower one', [['10.244.2.0/25'], ['10.244.2.0/24']], '10.244.2.0/24', ['n1 10.244.2.0/25']],
    [
      'several, the oldest first',
      [['10.244.2.128/25'], ['10.244.0.0/16'], ['10.244.2.0/24']],
      '10.244.2.0/24',
      ['n1 10.244.2.128/25', 'n2 10.244.0.0/16'],
    ],
    ['none that is younger', [['10.244.2.0/24'], ['10.244.0.0/16']], '10.244.2.0/24', []],
    ['none of the node itself', [['10.244.0.0/16', '10.244.2.0/24']], '10.244.2.0/24', []],
    ['none of the other family', [['::/8'], ['10.244.2.0/24']], '10.244.2.0/24', []],
  ])('%s', (_, podCIDRs, prefix, want) => {
    const found = claims(...podCIDRs).rivals(prefix);
    expect(found.map((rival) => `${rival.node.name} ${rival.prefix}`)).toEqual(want);
  });
});

test('NodeIndex.set() and delete() return overlapping podCIDRs as affected', () => {
  const all = claims(['10.244.0.0/16'], ['10.244.2.0/24'], ['10.245.0.0/24']);
  expect([...all.set(node(4, { podCIDRs: ['10.244.2.0/25'] }))].sort()).toEqual([
    '10.244.0.0/16',
    '10.244.2.0/24',
    '10.244.2.0/25',
  ]);
  expect([...all.delete('n1')].sort()).toEqual(['10.244.0.0/16', '10.244.2.0/24', '10.244.2.0/25']);
  expect(all.rivals('10.244.2.0/25').map((rival) => rival.prefix)).toEqual(['10.244.2.0/24']);
});

test('NodeIndex.rivals() finds the same as a comparison of every pair', () => {
  const prefix = fc
    .record({ third: fc.integer({ min: 0, max: 15 }), length: fc.integer({ min: 20, max: 26 }) })
    .map(({ third, length }) => formatPrefix(parseNetwork(`10.244.${third}.0/${length}`)!));
  fc.assert(
    fc.property(fc.array(prefix, { maxLength: 12 }), (list) => {
      const all = claims(...list.map((one) => [one]));
      for (const one of new Set(list)) {
        const holder = all.of(one)[0]!;
        const want = [...all.prefixes()].filter((other) => {
          const rival = all.of(other)[0]!;
          return (
            other !== one &&
            rival.created < holder.created &&
            overlaps(parseNetwork(one)!, parseNetwork(other)!)
          );
        });
        expect(
          all
            .rivals(one)
            .map((rival) => rival.prefix)
            .sort(),
        ).toEqual(want.sort());
      }
    }),
  );
});
