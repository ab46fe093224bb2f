import { describe, expect, test } from 'vitest';
import { historyOf } from './history.ts';
import { mutants, mutated } from './mutants.ts';
import { simulate, Violation } from './simulate.ts';

/** Of the thousand that the simulation plays: what is found, is found here. */
const SEEDS = 400;

describe('The simulation finds an agent', () => {
  test.each(Object.entries(mutants).map(([name, { what }]) => [name, what]))(
    '%s: %s',
    { timeout: 300_000 },
    async (name) => {
      const modules = await mutated(name!);
      for (let seed = 1; seed <= SEEDS; seed++) {
        // Large clusters find nothing more, and take long.
        if (seed % 20 === 0) {
          continue;
        }
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
