import { defineConfig } from 'tsup';

export default defineConfig({
  entry: [
    'src/index.ts',
    'src/explain-network/explain-network.ts',
    'src/links/digest.ts',
    'src/links/digest.static-exe.ts',
  ],
  format: 'esm',
  clean: true,
  target: 'es2023',
  platform: 'neutral',
  external: [/^#/, /^@cnikit\//, /^node:/],
});
