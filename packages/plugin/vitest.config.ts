import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mergeConfig } from 'vitest/config';
import { shared } from '../../vitest.shared.ts';
import { SOAK } from '../../vitest.soak.ts';

/** Live suites that do the same in `npm run test:soak` as in `npm test`: they run in `npm test` only. */
const repeated = globSync('test/*.live.test.ts', { cwd: import.meta.dirname }).filter(
  (file) =>
    !/\b(invokers|upstreamPluginsOfRun)\b/.test(readFileSync(join(import.meta.dirname, file), 'utf8')),
);

export default mergeConfig(shared, { test: { exclude: SOAK ? repeated : [] } });
