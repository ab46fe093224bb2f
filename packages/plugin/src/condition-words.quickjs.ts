import type { conditionAlternatives as Alternatives } from './plugins/portmap/nft-match-parser.ts';

/** In the static executable the language lies in a script of its own, which is loaded for who speaks it. */
export const conditionAlternatives: typeof Alternatives = (...args) => {
  const host = globalThis as { __cnikit_load?: (script: string) => typeof Alternatives };
  return host.__cnikit_load?.('condition-words')(...args);
};
