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
    'src/native.ts',
    'src/native.static-exe.ts',
    'src/runtime/index.ts',
    'src/runtime/node.ts',
  ],
  format: 'esm',
  clean: true,
  target: 'es2023',
  platform: 'neutral',
  // These must stay imports: bundled, the condition would be fixed, and `#explain` would drag zod in.
  external: [/^#/, /^@cnikit\//, /^node:/, /^zod/],
});
