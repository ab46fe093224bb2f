import { mergeConfig } from 'vitest/config';
import { shared } from '../../vitest.shared.ts';

/** Any of these tests may be the first to compile the engine with its flags, which takes minutes on a busy machine. */
const BUILD_TIMEOUT = 900_000;

export default mergeConfig(shared, { test: { testTimeout: BUILD_TIMEOUT, hookTimeout: BUILD_TIMEOUT } });
