import { defineConfig } from 'tsup';

export default defineConfig({
  entry: [
    'src/index.ts',
    'src/main.ts',
    'src/check-keys.ts',
    'src/check-keys.static-exe.ts',
    'src/schemas/index.ts',
    'src/explain.ts',
    'src/explain.quickjs.ts',
    'src/runtime/index.ts',
    'src/runtime/node.ts',
  ],
  format: 'esm',
  clean: true,
  target: 'es2023',
  platform: 'neutral',
  // `#explain` must stay an import: bundled, it would drag zod in and fix the condition.
  external: [/^#/, /^@cnikit\//, /^node:/, /^zod/],
});
