import { build } from 'esbuild';

/**
 * One script of everything that `entry` imports, for QuickJS: package.json conditions `quickjs`, and
 * `@cnikit/source` so that nothing need be built before. A `node:` import is an error here, not at start.
 */
export async function bundle(entry: string, outfile: string): Promise<void> {
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    format: 'iife',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['quickjs', '@cnikit/source', 'import'],
    target: 'es2023',
    minify: true,
    // Names are wanted in stacks, and cost a few hundred bytes of bytecode.
    keepNames: false,
    legalComments: 'none',
    logLevel: 'warning',
  });
}
