import type { BuildOptions } from 'esbuild';
import { type LazyModule, lazyEntry, lazyModules, loadLazily } from './lazy-modules.ts';
import { withPlainNames } from './plain-names.ts';
import { bundleText, exportsOf, referToShared, renumber, share, sharingEntry } from './shared-modules.ts';

/** Name of the script that runs at start. */
export const ENTRY = '';

/**
 * Bundles `entry` with everything that it imports into one script for QuickJS, and each lazy module into another one. A
 * module that the entry's script contains is not copied into a lazy script, so it has one state, and its classes one
 * identity.
 *
 * The package.json conditions are `static-exe` for code that needs functions of the host in C, `quickjs` for code that
 * runs in any QuickJS, and `@cnikit/source` so that no package needs a build first. A `node:` import is an error here,
 * not at start.
 *
 * @param lazy absolute paths of lazy modules by name
 * @param minify false for a profile, whose lines must be those of functions
 * @returns scripts by name: {@link ENTRY}, then the lazy modules
 */
export async function bundle(
  entry: string,
  lazy: Readonly<Record<string, string>>,
  minify = true,
): Promise<Map<string, string>> {
  const options = { ...OPTIONS, ...(minify ? {} : { minify, minifySyntax: true }) };
  const modules = await lazyModules(lazy, options);
  const plugins = [loadLazily(modules)];
  const { modules: inEntry } = await bundleText({ ...options, plugins, entryPoints: [entry] });
  const inLazy = new Set<string>();
  for (const module of modules) {
    for (const path of (await bundleLazy(module, { ...options, plugins: [loadLazily(modules, module)] }))
      .modules) {
      inLazy.add(path);
    }
  }
  const shared = await exportsOf(
    [...inEntry].filter((path) => inLazy.has(path)),
    { ...options, plugins },
  );
  const texts = new Map<string, string>();
  for (const module of modules) {
    const { text } = await bundleLazy(module, {
      ...options,
      plugins: [referToShared(shared, module.path), loadLazily(modules, module)],
    });
    texts.set(module.name, text);
  }
  const { scripts, used } = renumber(texts, shared);
  const { text } = await bundleText({
    ...options,
    plugins: [share(entry, used), ...plugins],
    stdin: { contents: sharingEntry(entry), resolveDir: '/' },
  });
  return new Map(
    [[ENTRY, text] as const, ...scripts].map(([name, script]) => [name, withPlainNames(script, name)]),
  );
}

function bundleLazy(module: LazyModule, options: BuildOptions): ReturnType<typeof bundleText> {
  return bundleText({ ...options, stdin: { contents: lazyEntry(module), resolveDir: '/' } });
}

const OPTIONS: BuildOptions = {
  bundle: true,
  format: 'iife',
  platform: 'neutral',
  mainFields: ['module', 'main'],
  conditions: ['static-exe', 'quickjs', '@cnikit/source', 'import'],
  target: 'es2023',
  tsconfigRaw: { compilerOptions: { useDefineForClassFields: false } },
  minify: true,
  // Function names in stack traces would cost a few hundred bytes of bytecode.
  keepNames: false,
  legalComments: 'none',
  logLevel: 'warning',
};
