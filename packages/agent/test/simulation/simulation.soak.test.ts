/**
 * Replay one history, reduced to the steps that fail, with its trace:
 *
 *     CNIKIT_SIMULATION_SEED=17 npx vitest run test/simulation
 */
import { describe, expect, test } from 'vitest';
import { soakSeed, soakSize } from '../../../../vitest.soak.ts';
import { type History, historyOf } from './history.ts';
import { shrink, simulate, Violation } from './simulate.ts';

const { CNIKIT_SIMULATION_SEED: one, CNIKIT_SIMULATION_SEEDS: count } = process.env;
const SEEDS = one === undefined ? Number(count ?? soakSize(10, 250)) : 1;
/** The first of the day's thousand seeds. */
const FIRST = Number(one ?? 1 + 1000 * (soakSeed(0) % 1_000_000));
/** Seeds of one test. */
const BLOCK = 50;

async function play(history: History): Promise<void> {
  try {
    await simulate(history);
  } catch (error) {
    if (!(error instanceof Violation)) {
      throw error;
    }
    const { message, trace } = await shrink(history);
    throw new Error(
      `Seed ${history.seed}: ${message}\n${trace.join('\n')}\nReplay: CNIKIT_SIMULATION_SEED=${history.seed} npx vitest run test/simulation`,
    );
  }
}

describe('The agent in a simulated cluster', () => {
  const blocks = Array.from({ length: Math.ceil(SEEDS / BLOCK) }, (_, i) => FIRST + i * BLOCK);
  test.each(blocks)('simulate() finds no violation, from seed %i on', { timeout: 300_000 }, async (first) => {
    for (let seed = first; seed < Math.min(first + BLOCK, FIRST + SEEDS); seed++) {
      await play(historyOf(seed));
    }
  });

  test('simulate() plays the same history twice for a seed', async () => {
    const history = historyOf(3);
    expect(await simulate(history)).toEqual(await simulate(history));
  });
});
