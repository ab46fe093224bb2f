import { defineConfig } from 'tsup';

export default defineConfig({
  entry: [
    'src/index.ts',
    'src/check-keys.ts',
    'src/check-keys.static-exe.ts',
    'src/internal.ts',
    'src/memory.ts',
    'src/readable.ts',
    'src/testing.ts',
    'src/adapters/node.ts',
    'src/adapters/quickjs.ts',
    'src/adapters/unsupported.ts',
  ],
  outDir: 'dist',
  format: 'esm',
  clean: true,
  target: 'es2023',
  platform: 'neutral',
  external: [/^#/, /^@cnikit\//, /^node:/],
});
