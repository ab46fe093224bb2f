import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { generateFile } from '../../../tools/schema-guards/src/file.ts';
import * as guards from './guards.ts';
import * as schemas from './schemas.ts';

test('guards.ts is what the generator makes of schemas.ts', async () => {
  const at = (name: string) => new URL(name, import.meta.url).pathname;
  expect(readFileSync(at('guards.ts'), 'utf8')).toBe(await generateFile(at('schemas.ts'), at('guards.ts')));
});

const pairs = [
  [schemas.logConfSchema, guards.isLogConf],
  [schemas.agentConfSchema, guards.isAgentConf],
  [schemas.policyConfSchema, guards.isPolicyConf],
  [schemas.layoutConfSchema, guards.isLayoutConf],
  [schemas.bandwidthConfSchema, guards.isBandwidthConf],
  [schemas.bridgeConfSchema, guards.isBridgeConf],
  [schemas.vlanTrunkSchema, guards.isVlanTrunk],
  [schemas.portmapConfSchema, guards.isPortmapConf],
  [schemas.ptpConfSchema, guards.isPtpConf],
  [schemas.tuningConfSchema, guards.isTuningConf],
] as const;

test('every schema is compared with its guard', () => {
  expect(pairs).toHaveLength(Object.keys(schemas).length);
});

const value = fc.oneof(
  fc.constantFrom('', 'cni0', 'a/b', 'sixteen-bytes-xx', 'é'.repeat(8), '..'),
  fc.boolean(),
  fc.constantFrom<unknown>(0, 1, 1500, 4094, 4095, 65535, 65536, -1, 1.5, null, {}, []),
  fc.constantFrom<unknown>(
    [{ id: 5 }],
    { socket: '/a' },
    { socket: 1 },
    [{ minID: 1, maxID: 4095 }],
    [5],
    { 'net.x': '1' },
    { 'net.x': 1 },
  ),
);

test.each(pairs)('guard %# agrees with its schema on random configurations', (schema, guard) => {
  const conf = fc.dictionary(fc.constantFrom(...Object.keys(schema.shape), 'other'), value);
  fc.assert(
    fc.property(conf, (one) => {
      expect(guard(one)).toBe(schema.safeParse(one).success);
    }),
    { numRuns: 1000 },
  );
});
