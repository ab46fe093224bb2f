import { defineConfig } from 'tsup';

export default defineConfig({
  entry: ['src/index.ts', 'src/cli.ts'],
  format: 'esm',
  clean: true,
  target: 'es2023',
  platform: 'neutral',
  removeNodeProtocol: false,
  external: [/^node:/, 'yaml'],
});
