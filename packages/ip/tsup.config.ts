import { defineConfig } from 'tsup';

export default defineConfig({
  entry: [
    'src/index.ts',
    'src/check-bytes.ts',
    'src/check-bytes.static-exe.ts',
    'src/write-address.ts',
    'src/write-address.static-exe.ts',
  ],
  format: 'esm',
  clean: true,
  target: 'es2023',
  platform: 'neutral',
  // `#write-address` must stay an import: bundled, the condition would be fixed.
  external: [/^#/],
});
