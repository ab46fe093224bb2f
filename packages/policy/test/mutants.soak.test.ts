import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { soakTurn, turnOf } from '../../../vitest.soak.ts';
import { mutants } from './mutants.ts';
import { type Compiler, compiledAgrees, historiesAgree } from './properties.ts';

/** Every third mutant in the soak run, in turn by date; every fourth in `npm test`. */
const tried = soakTurn(Object.entries(mutants), 4, 3);

test.each(Object.entries(mutants))('mutant %s replaces text that its file has once', (_, { file, from }) => {
  const source = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
  expect(source.split(from)).toHaveLength(2);
});

test('turnOf() gives every item its turn, once, within the turns of successive days', () => {
  const items = Object.keys(mutants);
  const turns = [20_785, 20_786, 20_787].map((day) => turnOf(items, 3, day));
  expect(turns.flat().sort()).toEqual(items.sort());
});

test('firstSoakSeed() gives no two days of soak runs the same seed', () => {
  const file = fileURLToPath(new URL('../../../vitest.soak.ts', import.meta.url));
  const source = `import(${JSON.stringify(file)}).then((soak) => console.log(soak.firstSoakSeed(1, 50)))`;
  const [first, next] = [20_785, 20_786].map((day) =>
    Number(
      execFileSync(process.execPath, ['-e', source], {
        env: { CNIKIT_SOAK: '1', CNIKIT_SOAK_SEED: String(day) },
        encoding: 'utf8',
      }),
    ),
  );
  expect(next! - first!).toBe(50);
});

test.each(tried.map(([name, { what }]) => [name, what]))(
  'the properties find mutant %s: %s',
  { timeout: 600_000 },
  async (name) => {
    const module = await import(/* @vite-ignore */ `../src/compile/compiler.ts?mutant=${name}`);
    const Mutant: Compiler = module.PolicyCompiler;
    expect(() => {
      const parameters = { seed: 1, endOnFailure: true };
      // Most mutants that a cluster shows fail soon, and those that only a history shows pass every cluster.
      compiledAgrees(Mutant, { ...parameters, numRuns: 100 });
      historiesAgree(Mutant, { ...parameters, numRuns: 300 });
      compiledAgrees(Mutant, { ...parameters, numRuns: 400 });
    }).toThrow('Property failed');
  },
);
