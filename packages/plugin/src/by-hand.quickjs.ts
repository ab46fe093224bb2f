import type { byHand as ByHand } from './by-hand/by-hand.ts';

/** In the static executable what is for people lies in a script of its own, which a runtime never has it load. */
export const byHand: typeof ByHand = (...args) => {
  const host = globalThis as { __cnikit_load?: (script: string) => typeof ByHand };
  const loaded = host.__cnikit_load?.('by-hand');
  return loaded?.(...args) ?? { stdout: '', stderr: '', exitCode: 1 };
};
