import { type BuildOptions, build, type Plugin } from 'esbuild';

/** Paths of modules, by the name of the function that each exports. */
export type LazyModules = Readonly<Record<string, string>>;

/**
 * Bundles `entry` and everything that it imports into one script for QuickJS. The package.json conditions are
 * `quickjs`, and `@cnikit/source` so that no package needs a build first. A `node:` import is an error here, not at start.
 *
 * @param lazy modules outside the script: a call of their function loads their separate script
 */
export async function bundle(entry: string, outfile: string, lazy: LazyModules): Promise<void> {
  await build({ ...OPTIONS, entryPoints: [entry], outfile, plugins: [loadLazily(lazy)] });
}

/** Bundles one lazy module into a script that leaves the module's function in `globalThis.__cnikit_lazy`. */
export async function bundleLazy(name: string, module: string, outfile: string): Promise<void> {
  const contents = `import { ${name} } from ${JSON.stringify(module)};\nglobalThis.__cnikit_lazy = ${name};`;
  await build({ ...OPTIONS, stdin: { contents, resolveDir: '/' }, outfile });
}

const OPTIONS: BuildOptions = {
  bundle: true,
  format: 'iife',
  platform: 'neutral',
  mainFields: ['module', 'main'],
  conditions: ['quickjs', '@cnikit/source', 'import'],
  target: 'es2023',
  minify: true,
  // Function names in stack traces would cost a few hundred bytes of bytecode.
  keepNames: false,
  legalComments: 'none',
  logLevel: 'warning',
};

/** Replaces each lazy module by a function that loads it. */
function loadLazily(lazy: LazyModules): Plugin {
  const names = new Map(Object.entries(lazy).map(([name, module]) => [module, name]));
  return {
    name: 'lazy modules',
    setup({ onLoad }) {
      onLoad({ filter: /\.[jt]s$/ }, ({ path }) => {
        const name = names.get(path);
        return name === undefined
          ? undefined
          : {
              contents: `export const ${name} = (...args) => __cnikit_load('${name}')(...args);`,
              loader: 'js',
            };
      });
    },
  };
}
