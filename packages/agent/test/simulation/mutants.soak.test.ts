import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { soakTurn } from '../../../../vitest.soak.ts';
import { historyOf } from './history.ts';
import { type Mutant, mutants, mutated } from './mutants.ts';
import { simulate, Violation } from './simulate.ts';

/** Seeds per mutant, of the thousand that the simulation plays. */
const SEEDS = 400;

/** Seeds to try on a mutant: first the one that found it. Large clusters find nothing more, and take long. */
function seedsFor({ foundBy }: Mutant): number[] {
  const seeds = Array.from({ length: SEEDS }, (_, i) => i + 1).filter((seed) => seed % 20 !== 0);
  return foundBy === undefined ? seeds : [foundBy, ...seeds];
}

/** Every third mutant in the soak run, in turn by date; every eighth in `npm test`. */
const tried = soakTurn(Object.entries(mutants), 8, 3);

test.each(Object.entries(mutants))('mutant %s replaces text that its file has once', (_, { file, from }) => {
  const source = readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8');
  expect(source.split(from)).toHaveLength(2);
});

describe('The simulation finds an agent', () => {
  test.each(tried.map(([name, { what }]) => [name, what]))(
    'simulate() finds mutant %s: %s',
    { timeout: 300_000 },
    async (name) => {
      const modules = await mutated(name!);
      for (const seed of seedsFor(mutants[name!]!)) {
        const history = historyOf(seed);
        if (mutants[name!]!.profile !== undefined && mutants[name!]!.profile !== history.profile) {
          continue;
        }
        try {
          await simulate(history, modules);
        } catch (error) {
          if (!(error instanceof Violation)) {
            throw error;
          }
          return;
        }
      }
      expect.fail(`${name} kept everything that it must through ${SEEDS} seeds`);
    },
  );
});
