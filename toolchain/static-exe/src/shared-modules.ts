/** Lets lazy scripts use the modules of the entry's script instead of copies of them. */
import { type BuildOptions, build, type Plugin } from 'esbuild';

/** An export of a module that the entry's script contains. */
export interface SharedExport {
  /** Absolute path of the module. */
  module: string;
  name: string;
}

/** Bundles in memory. Returns the text, and the modules that have code in it. */
export async function bundleText(options: BuildOptions): Promise<{ text: string; modules: Set<string> }> {
  const { outputFiles, metafile } = await build({
    ...options,
    absWorkingDir: '/',
    outfile: '/bundle.js',
    write: false,
    metafile: true,
  });
  const [output] = Object.values(metafile!.outputs);
  const modules = Object.entries(output!.inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0);
  return { text: outputFiles![0]!.text, modules: new Set(modules.map(([path]) => `/${path}`)) };
}

/** Returns all exports of modules in a stable order. */
export async function exportsOf(modules: Iterable<string>, options: BuildOptions): Promise<SharedExport[]> {
  const { metafile } = await build({
    ...options,
    entryPoints: [...modules].sort(),
    absWorkingDir: '/',
    outdir: '/out',
    format: 'esm',
    write: false,
    metafile: true,
  });
  return Object.values(metafile.outputs).flatMap(({ entryPoint, exports }) =>
    exports.map((name) => ({ module: `/${entryPoint}`, name })),
  );
}

/** Replaces the shared modules of a lazy script, except `own`, by references to their exports, by number. */
export function referToShared(shared: readonly SharedExport[], own: string): Plugin {
  const stubs = new Map<string, string>();
  for (const [id, { module, name }] of shared.entries()) {
    if (module === own) {
      continue;
    }
    const stub = `const e${id} = /* @__PURE__ */ __cnikit_shared("${id}");\nexport { e${id} as ${name} };\n`;
    stubs.set(module, (stubs.get(module) ?? '') + stub);
  }
  return {
    name: 'shared modules',
    setup({ onLoad }) {
      onLoad({ filter: /\.[jt]s$/ }, ({ path }) => {
        const contents = stubs.get(path);
        return contents === undefined ? undefined : { contents, loader: 'js' };
      });
    },
  };
}

/**
 * Numbers the references of all scripts without gaps. Returns the scripts, and the exports that they refer to in the
 * order of their numbers.
 */
export function renumber(
  scripts: ReadonlyMap<string, string>,
  shared: readonly SharedExport[],
): { scripts: Map<string, string>; used: SharedExport[] } {
  const numbers = new Map<number, number>();
  const numbered = new Map<string, string>();
  for (const [name, text] of scripts) {
    const replaced = text.replace(/__cnikit_shared\("(\d+)"\)/g, (_, id: string) => {
      const number = numbers.get(Number(id)) ?? numbers.size;
      numbers.set(Number(id), number);
      return `__cnikit_shared(${number})`;
    });
    numbered.set(name, replaced);
  }
  return { scripts: numbered, used: [...numbers.keys()].map((id) => shared[id]!) };
}

/**
 * Defines `globalThis.__cnikit_shared`, which lazy scripts refer to, before the entry runs. Bundle
 * `sharingEntry(entry)` with it.
 */
export function share(entry: string, used: readonly SharedExport[]): Plugin {
  const imports = used.map(
    ({ module, name }, i) => `import { ${name} as s${i} } from ${JSON.stringify(module)};\n`,
  );
  const list = used.map((_, i) => `s${i}`).join(', ');
  const contents = `${imports.join('')}const shared = [${list}];\nglobalThis.__cnikit_shared = (number) => shared[number];\n`;
  return {
    name: 'shared exports',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: new RegExp(`^${SHARED}$`) }, () => ({ path: SHARED, namespace: SHARED }));
      onLoad({ filter: /./, namespace: SHARED }, () => ({ contents, resolveDir: '/', loader: 'js' }));
      // Also from a package that declares no side effects.
      onResolve({ filter: /./ }, ({ path }) => (path === entry ? { path, sideEffects: true } : undefined));
    },
  };
}

const SHARED = 'cnikit-shared';

/** Returns the text that runs the entry after the module of {@link share}. */
export function sharingEntry(entry: string): string {
  return `import ${JSON.stringify(SHARED)};\nimport ${JSON.stringify(entry)};\n`;
}
