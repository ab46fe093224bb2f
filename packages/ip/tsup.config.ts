import { defineConfig } from 'tsup';

export default defineConfig({
  entry: [
    'src/index.ts',
    'src/check-bytes.ts',
    'src/check-bytes.static-exe.ts',
    'src/text.ts',
    'src/text.static-exe.ts',
  ],
  format: 'esm',
  clean: true,
  target: 'es2023',
  platform: 'neutral',
  // `#text` must stay an import: bundled, the condition would be fixed.
  external: [/^#/],
});
