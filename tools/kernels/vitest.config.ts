import { mergeConfig, type ViteUserConfig } from 'vitest/config';
import { base } from '../../vitest.shared.ts';

/** Configuration for test files of all packages on an emulated machine, with sources transformed outside. */
const config: ViteUserConfig = mergeConfig(base, {
  // An emulated machine loses packets when this one is busy.
  test: { testTimeout: 300_000, hookTimeout: 300_000, retry: 1, fsModuleCache: true },
});
config.test!.include = ['packages/*/test/*.live.test.ts'];

export default config;
