/** Lazy modules: scripts beside the entry's, loaded at the first call of one of their functions. */
import type { BuildOptions, Plugin } from 'esbuild';
import { bundleText } from './shared-modules.ts';

/** A module that becomes a script of its name. */
export interface LazyModule {
  name: string;
  path: string;
  functions: readonly string[];
}

/**
 * Returns the lazy modules, from paths by name.
 *
 * @param options of the bundles
 * @throws {Error} when a module exports anything but function declarations, which calls could not stand for
 */
export async function lazyModules(
  paths: Readonly<Record<string, string>>,
  options: BuildOptions,
): Promise<LazyModule[]> {
  const modules: LazyModule[] = [];
  for (const [name, path] of Object.entries(paths)) {
    modules.push({ name, path, functions: await functionsOf(path, options) });
  }
  return modules;
}

/** Leaves imports alone: they are most of the work, and few modules export what they import. */
const withoutImports: Plugin = {
  name: 'without imports',
  setup({ onResolve }) {
    onResolve({ filter: /./ }, ({ kind }) => (kind === 'entry-point' ? undefined : { external: true }));
  },
};

async function functionsOf(path: string, options: BuildOptions): Promise<string[]> {
  const alone = await exportsIn(path, { ...options, plugins: [withoutImports] });
  const { functions, other } = isOfFunctions(alone) ? alone : await exportsIn(path, options);
  if (!isOfFunctions({ functions, other })) {
    const not = other === undefined ? '' : `, and ${other} is not one`;
    throw new Error(`Cannot load ${path} lazily: it must export function declarations only${not}`);
  }
  return functions;
}

interface Exports {
  functions: string[];
  /** The first export that is something else than a function declaration. */
  other: string | undefined;
}

const isOfFunctions = ({ functions, other }: Exports) => functions.length > 0 && other === undefined;

async function exportsIn(path: string, options: BuildOptions): Promise<Exports> {
  const { text } = await bundleText({ ...options, entryPoints: [path], format: 'esm', minify: false });
  const list = /^export \{([^}]*)\};?\s*$/m.exec(text)?.[1] ?? '';
  const exported = list
    .split(',')
    .map((item) => item.trim().split(' as '))
    .filter(([local]) => local !== '');
  const other = exported.find(([local]) => !new RegExp(`^(async )?function\\*? ${local}\\(`, 'm').test(text));
  const functions = exported.map((names) => names.at(-1)!);
  // Only a module without its imports keeps a star.
  return { functions, other: /^export \* /m.test(text) ? '*' : other?.at(-1) };
}

/** Returns the text of the script of a lazy module. */
export function lazyEntry({ path, functions }: LazyModule): string {
  const names = functions.join(', ');
  return `import { ${names} } from ${JSON.stringify(path)};\nglobalThis.__cnikit_lazy = { ${names} };\n`;
}

/** Replaces each lazy module, except `own`, by functions that load its script. */
export function loadLazily(modules: readonly LazyModule[], own?: LazyModule): Plugin {
  const stubs = new Map(
    modules.filter((module) => module !== own).map((module) => [module.path, stub(module)]),
  );
  return {
    name: 'lazy modules',
    setup({ onLoad }) {
      onLoad({ filter: /\.[jt]s$/ }, ({ path }) => {
        const contents = stubs.get(path);
        return contents === undefined ? undefined : { contents, loader: 'js' };
      });
    },
  };
}

function stub({ name, functions }: LazyModule): string {
  return functions
    .map((fn) => `export const ${fn} = (...args) => __cnikit_load('${name}').${fn}(...args);\n`)
    .join('');
}
