import { mergeConfig } from 'vitest/config';
import { mutantsPlugin } from '../../vitest.mutants.ts';
import { isolated } from '../../vitest.shared.ts';
import { mutants } from './test/simulation/mutants.ts';

export default mergeConfig(isolated, { plugins: [mutantsPlugin(mutants, ['agent/src', 'watch/src'])] });
