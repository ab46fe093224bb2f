import fc from 'fast-check';
import { expect, test } from 'vitest';
import { policy } from '../test/clusters.ts';
import { isPolicySpec } from './policy-spec.ts';
import { schemas } from './schemas.ts';

const accepts = (spec: unknown): boolean =>
  schemas.NetworkPolicy.safeParse({ kind: 'NetworkPolicy', metadata: { name: 'p', namespace: 'n' }, spec })
    .success;

const VALUES = [
  ...[
    null,
    true,
    0,
    1,
    65_535,
    65_536,
    1.5,
    80,
    '',
    '80',
    'web',
    'a-very-long-name',
    'x--y',
    'TCP',
    'tcp',
    'In',
  ],
  ...[
    'Exists',
    'Ingress',
    '10.0.0.0/8',
    '10.1.0.0/16',
    '10.0.0.1',
    'fd00::/8',
    [],
    [''],
    ['10.1.0.0/16'],
    {},
  ],
  ...[{ a: 'b' }, { podSelector: {} }, { ipBlock: { cidr: '10.0.0.0/8' } }, [{ port: 80, endPort: 81 }]],
  ...[[{ key: 'k', operator: 'In', values: ['v'] }], [{ key: 'k', operator: 'Exists', values: ['v'] }]],
];
const KEYS = [
  ...[
    'podSelector',
    'namespaceSelector',
    'ipBlock',
    'cidr',
    'except',
    'matchLabels',
    'matchExpressions',
    'key',
  ],
  ...[
    'operator',
    'values',
    'policyTypes',
    'ingress',
    'egress',
    'from',
    'to',
    'ports',
    'port',
    'endPort',
    'protocol',
  ],
  'unknown',
];

/** Every object and list of a value, itself included. */
const partsOf = (value: unknown): object[] =>
  typeof value === 'object' && value !== null ? [value, ...Object.values(value).flatMap(partsOf)] : [];

test('isPolicySpec() accepts exactly what the schema accepts, of valid policies and those with some faults', () => {
  const fault = fc.record({
    part: fc.nat(),
    key: fc.constantFrom(...KEYS),
    own: fc.nat(),
    value: fc.constantFrom(...VALUES),
    kind: fc.constantFrom('set', 'replace', 'delete'),
  });
  let [accepted, refused] = [0, 0];
  fc.assert(
    fc.property(policy, fc.array(fault, { maxLength: 3 }), ({ spec }, faults) => {
      const changed = structuredClone(spec) as unknown as object;
      for (const { part, key, own, value, kind } of faults) {
        const parts = partsOf(changed);
        const at = parts[part % parts.length] as Record<string, unknown>;
        const keys = Object.keys(at);
        const chosen =
          kind === 'set' || keys.length === 0 ? (Array.isArray(at) ? '0' : key) : keys[own % keys.length]!;
        if (kind === 'delete' && !Array.isArray(at)) {
          delete at[chosen];
        } else {
          at[chosen] = structuredClone(value);
        }
      }
      const expected = accepts(changed);
      [accepted, refused] = expected ? [accepted + 1, refused] : [accepted, refused + 1];
      expect(isPolicySpec(changed)).toBe(expected);
    }),
    { numRuns: 3000, seed: 20_261_129 },
  );
  expect(Math.min(accepted, refused)).toBeGreaterThan(300);
});

test.each([[undefined], [null], ['text'], [[]], [5]])('isPolicySpec() refuses %j', (value) => {
  expect(isPolicySpec(value)).toBe(false);
});
