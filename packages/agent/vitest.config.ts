import { mergeConfig } from 'vitest/config';
import { mutantsPlugin } from '../../vitest.mutants.ts';
import { shared } from '../../vitest.shared.ts';
import { mutants } from './test/simulation/mutants.ts';

export default mergeConfig(shared, {
  plugins: [mutantsPlugin(mutants, ['agent/src', 'watch/src'])],
  test: { globalSetup: 'test/saved-code.ts' },
});
