import { expect, test } from 'vitest';
import { emptyRuleset, formatNft } from '../index.ts';

test.each([true, false])('formatNft() has chains at the output hook with ipvs only: %s', (ipvs) => {
  const text = formatNft(emptyRuleset(), { podCIDRs: ['10.0.0.0/24'], ipvs });
  const hooks = [...text.matchAll(/chain (\S+) \{\n\s+type filter hook (\w+)/g)].map(
    ([, name, hook]) => `${name} ${hook}`,
  );
  const all = [
    'egress forward',
    'ingress forward',
    'to-node input',
    'ipvs-egress output',
    'ipvs-ingress output',
  ];
  expect(hooks).toEqual(ipvs ? all : all.slice(0, 3));
  // Packets of the node itself pass.
  expect(text.match(/fib saddr type local accept/g)?.length ?? 0).toBe(ipvs ? 2 : 0);
});

test('formatNft() accepts packets of pods that no policy isolates, and names no chain for them', () => {
  const ruleset = emptyRuleset();
  ruleset.pods.egress.set('10.0.0.1', 'open');
  const text = formatNft(ruleset, { podCIDRs: [] });
  expect(text).toContain('10.0.0.1 : accept');
  expect(text).not.toContain('open');
});
