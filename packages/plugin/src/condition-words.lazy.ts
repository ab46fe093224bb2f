/** The script behind `__cnikit_load('condition-words')`: it leaves its value where the host looks for it. */
import { conditionAlternatives } from './plugins/portmap/nft-match-parser.ts';

Object.assign(globalThis, { __cnikit_lazy: conditionAlternatives });
