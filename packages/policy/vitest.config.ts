import { mergeConfig } from 'vitest/config';
import { mutantsPlugin } from '../../vitest.mutants.ts';
import { shared } from '../../vitest.shared.ts';
import { mutants } from './test/mutants.ts';

export default mergeConfig(shared, { plugins: [mutantsPlugin(mutants, ['policy/src'])] });
