/**
 * Sizes and seeds of the soak tests (`*.soak.test.ts`). `npm test` runs a small sample of each with a fixed seed;
 * `npm run test:soak` runs all of it with the seed of the day, or the one in CNIKIT_SOAK_SEED.
 */
const { CNIKIT_SOAK, CNIKIT_SOAK_SEED } = process.env;

/** True in `npm run test:soak`. */
export const SOAK = CNIKIT_SOAK === '1';

/** Seed of this run. {@link soakSeed} gives each test its own default. */
const SEED = CNIKIT_SOAK_SEED === undefined ? undefined : Number(CNIKIT_SOAK_SEED);
if (SEED !== undefined && !Number.isSafeInteger(SEED)) {
  throw new Error(`Invalid CNIKIT_SOAK_SEED "${CNIKIT_SOAK_SEED}": expected an integer`);
}

/** Returns `sample` in `npm test` and `whole` in `npm run test:soak`. */
export function soakSize(sample: number, whole: number): number {
  return SOAK ? whole : sample;
}

/**
 * Returns the part of a list that a run takes: in `npm test` every `sample`-th item, in `npm run test:soak` every
 * `turns`-th, from another one each day, so that all items have had their turn after `turns` days.
 */
export function soakTurn<T>(items: readonly T[], sample: number, turns: number): T[] {
  return SOAK ? turnOf(items, turns, soakSeed(0)) : turnOf(items, sample, 0);
}

/** Returns every `turns`-th item; successive values of `turn` start at successive items. */
export function turnOf<T>(items: readonly T[], turns: number, turn: number): T[] {
  return items.filter((_, index) => index % turns === turn % turns);
}

/** Returns the seed of this run: CNIKIT_SOAK_SEED, which `npm run test:soak` sets to the day since 1970, else `fixed`. */
export function soakSeed(fixed: number): number {
  return SEED ?? fixed;
}

/**
 * Returns the first seed of a test that takes `count` successive ones. In `npm run test:soak` no two days share a seed;
 * else it is the seed of this run, so that CNIKIT_SOAK_SEED repeats one that failed.
 */
export function firstSoakSeed(fixed: number, count: number): number {
  return SOAK ? soakSeed(fixed) * count : soakSeed(fixed);
}
