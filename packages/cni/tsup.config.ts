import { defineConfig } from 'tsup';

export default defineConfig({
  entry: ['src/index.ts', 'src/cli.ts', 'src/conformance/recorder.ts'],
  format: 'esm',
  clean: true,
  target: 'es2023',
  platform: 'node',
  external: [/^#/, /^@cnikit\//],
});
