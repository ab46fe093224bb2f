import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { generateFile } from '../../../tools/schema-guards/src/file.ts';
import { isBridgeConf } from './guards.ts';
import { bridgeConfSchema } from './schemas.ts';

test('guards.ts is what the generator makes of schemas.ts', async () => {
  const at = (name: string) => new URL(name, import.meta.url).pathname;
  expect(readFileSync(at('guards.ts'), 'utf8')).toBe(await generateFile(at('schemas.ts'), at('guards.ts')));
});

test('isBridgeConf() agrees with bridgeConfSchema on random configurations', () => {
  const value = fc.oneof(
    fc.constantFrom('', 'cni0', 'a/b', 'sixteen-bytes-xx', 'é'.repeat(8), '..'),
    fc.boolean(),
    fc.constantFrom(0, 1500, 65535, 65536, -1, 1.5, null, {}, []),
  );
  const keys = Object.keys(bridgeConfSchema.shape);
  const conf = fc.dictionary(fc.constantFrom(...keys, 'other'), value);
  fc.assert(
    fc.property(conf, (one) => {
      expect(isBridgeConf(one)).toBe(bridgeConfSchema.safeParse(one).success);
    }),
    { numRuns: 2000 },
  );
});
