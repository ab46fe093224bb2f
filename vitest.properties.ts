/**
 * Set-up of each test file: properties try the same values in every `npm test`, so that one rare value cannot fail the run
 * of an unrelated change. `npm run test:soak` tries others each day.
 */
import fc from 'fast-check';
import { soakSeed } from './vitest.soak.ts';

fc.configureGlobal({ seed: soakSeed(20_261_130) });
