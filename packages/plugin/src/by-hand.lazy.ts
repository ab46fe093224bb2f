/** The script behind `__cnikit_load('by-hand')`: it leaves its value where the host looks for it. */
import { byHand } from './by-hand/by-hand.ts';

Object.assign(globalThis, { __cnikit_lazy: byHand });
