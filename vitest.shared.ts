import { fileURLToPath } from 'node:url';
import { defineConfig, mergeConfig, type ViteUserConfig } from 'vitest/config';

/** Test files that change namespaces, links or rules of the sandbox, or need all of the machine. */
const ONE_AT_A_TIME = ['{src,test}/**/*.live.test.ts', '{src,test}/**/*.soak.test.ts'];
/** Test files that change their process, such as flags of V8. */
const ISOLATED = ['{src,test}/**/*.isolated.test.ts'];
const ALL = ['{src,test}/**/*.test.ts'];

/** The configuration of all test runs: run the TypeScript sources, unbuilt, and write the results as JSON. */
export const base: ViteUserConfig = defineConfig({
  resolve: { conditions: ['@cnikit/source'] },
  ssr: {
    resolve: { conditions: ['@cnikit/source', 'node'], externalConditions: ['@cnikit/source', 'node'] },
  },
  test: {
    pool: 'forks',
    setupFiles: [fileURLToPath(new URL('vitest.properties.ts', import.meta.url))],
    // Programs that tests start from TypeScript sources load in a third of the time.
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL('.cache/node', import.meta.url)) },
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // The default is one second, which a busy machine may need for a single check.
    expect: { poll: { timeout: 30_000, interval: 10 } },
    reporters: ['default', 'json'],
    outputFile: { json: 'test-results.json' },
  },
});

/**
 * The configuration of a package: unit tests in parallel processes, then live and soak tests one file at a time in one
 * process.
 */
export const shared: ViteUserConfig = mergeConfig(
  base,
  defineConfig({
    test: {
      projects: [
        {
          extends: true,
          test: {
            name: 'unit',
            include: ALL,
            exclude: [...ONE_AT_A_TIME, ...ISOLATED],
            // One process for many files: most of them take less time than a process and its imports.
            isolate: false,
            fileParallelism: true,
            sequence: { groupOrder: 0 },
          },
        },
        {
          extends: true,
          test: {
            name: 'isolated',
            include: ISOLATED,
            fileParallelism: true,
            sequence: { groupOrder: 0 },
          },
        },
        {
          extends: true,
          test: {
            name: 'live',
            include: ONE_AT_A_TIME,
            // They keep nothing in modules, and a start takes longer than many suites.
            isolate: false,
            fileParallelism: false,
            sequence: { groupOrder: 1 },
            setupFiles: [fileURLToPath(new URL('vitest.sandbox.ts', import.meta.url))],
          },
        },
      ],
    },
  }),
);
