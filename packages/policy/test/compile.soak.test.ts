import { test } from 'vitest';
import { soakSeed, soakSize } from '../../../vitest.soak.ts';
import { PolicyCompiler } from '../src/index.ts';
import { compiledAgrees, historiesAgree } from './properties.ts';

const seed = soakSeed(20_260_101);

test(`PolicyCompiler compiles random clusters to rules that agree with decide(), seed ${seed}`, {
  timeout: 600_000,
}, () => {
  compiledAgrees(PolicyCompiler, { seed, numRuns: soakSize(200, 5_000) });
});

test(`PolicyCompiler.apply() reaches the state of a fresh compiler after any history, seed ${seed}`, {
  timeout: 600_000,
}, () => {
  historiesAgree(PolicyCompiler, { seed, numRuns: soakSize(100, 500) });
});
