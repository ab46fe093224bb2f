import { defineConfig } from 'tsup';

export default defineConfig({
  entry: [
    'src/index.ts',
    'src/check-keys.ts',
    'src/check-keys.static-exe.ts',
    'src/native.ts',
    'src/native.static-exe.ts',
    'src/file-store.ts',
    'src/testing.ts',
    'src/cli.ts',
  ],
  format: 'esm',
  clean: true,
  target: 'es2023',
  platform: 'neutral',
  external: [/^#/, /^@cnikit\//, /^node:/],
});
