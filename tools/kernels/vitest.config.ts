import { mergeConfig, type ViteUserConfig } from 'vitest/config';
import { base } from '../../vitest.shared.ts';

/**
 * As any package's, but for files of all of them at once, on an emulated machine, for which the sources are transformed
 * outside.
 */
const config: ViteUserConfig = mergeConfig(base, {
  test: { testTimeout: 300_000, hookTimeout: 300_000, fsModuleCache: true },
});
config.test!.include = ['packages/*/test/*.live.test.ts'];

export default config;
