import { defineConfig, type ViteUserConfig } from 'vitest/config';

/** The configuration every package's tests share: run the TypeScript sources, unbuilt, one namespace-changing file at a time. */
export const shared: ViteUserConfig = defineConfig({
  resolve: { conditions: ['@cnikit/source'] },
  ssr: {
    resolve: { conditions: ['@cnikit/source', 'node'], externalConditions: ['@cnikit/source', 'node'] },
  },
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ['default', 'json'],
    outputFile: { json: 'test-results.json' },
  },
});
