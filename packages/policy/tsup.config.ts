import { defineConfig } from 'tsup';

export default defineConfig({
  entry: ['src/index.ts', 'src/compile.ts', 'src/manifests.ts', 'src/questions.ts', 'src/cli.ts'],
  format: 'esm',
  clean: true,
  target: 'es2023',
  platform: 'node',
});
