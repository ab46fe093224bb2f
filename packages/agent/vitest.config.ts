import { mergeConfig } from 'vitest/config';
import { shared } from '../../vitest.shared.ts';
import { mutantsPlugin } from './test/simulation/mutants-plugin.ts';

export default mergeConfig(shared, { plugins: [mutantsPlugin] });
