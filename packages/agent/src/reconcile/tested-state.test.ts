import { expect, test } from 'vitest';
import { hostFacts } from '../observe/facts.ts';
import { testedState } from './tested-state.ts';

test('testedState() finds the podCIDRs whose packets a foreign route to them or inside of them takes', () => {
  const route = (dst: string) =>
    ({ family: 'ipv4', dst, protocol: 'boot', priority: 0, type: 1, oif: 2 }) as const;
  const { isShadowed } = testedState(
    new Map(),
    undefined,
    hostFacts({
      links: [],
      addresses: [],
      routes: [route('0.0.0.0/0'), route('10.244.3.0/24'), route('10.244.4.128/25'), route('172.17.0.0/16')],
    }),
  );
  const all = ['10.244.2.0/24', '10.244.3.0/24', '10.244.4.0/24', '172.17.0.0/24', 'fd00::/64'];
  expect(all.filter((dst) => isShadowed!(dst))).toEqual(['10.244.3.0/24', '10.244.4.0/24']);
});
