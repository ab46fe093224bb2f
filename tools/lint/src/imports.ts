/**
 * Reads the imports of TypeScript and JavaScript, type-only ones included.
 *
 * @module
 */
import { dirname, join } from 'node:path/posix';
import type { SourceFile } from './files.ts';

/** An import of one file by another; `to` is undefined for a package from npm or Node. */
export interface Import {
  from: string;
  specifier: string;
  to: string | undefined;
}

const STATEMENT =
  /^[ \t]*(?:import|export)\b[^'";]*?\bfrom\s*'([^']+)'|^import\s*'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/gm;
/** Comments, whose examples import too. */
const COMMENT = /^[ \t]*(?:\/\/.*|\/\*[\s\S]*?\*\/)/gm;

/** Returns the imports of the files. `entries` has the file that each name of our packages (`@cnikit/ipam/testing`) stands for. */
export function importsOf(files: readonly SourceFile[], entries: ReadonlyMap<string, string>): Import[] {
  const known = new Set(files.map(({ path }) => path));
  return files.flatMap(({ path, text }) =>
    [...text.replace(COMMENT, '').matchAll(STATEMENT)].flatMap((match) => {
      const specifier = match[1] ?? match[2] ?? match[3] ?? '';
      if (!specifier.startsWith('.')) {
        return [{ from: path, specifier, to: entries.get(specifier) }];
      }
      const to = join(dirname(path), specifier);
      // Generated code in a test's template string may import what does not exist.
      return known.has(to) ? [{ from: path, specifier, to }] : [];
    }),
  );
}

/** Returns the files that the names of our packages stand for, read from `exports` of each `package.json`. */
export function packageEntries(manifests: readonly SourceFile[]): Map<string, string> {
  const entries = new Map<string, string>();
  for (const { path, text } of manifests) {
    const { name, exports = {} } = JSON.parse(text) as {
      name: string;
      exports?: Record<string, unknown> | string;
    };
    const list = typeof exports === 'string' ? { '.': exports } : exports;
    for (const [entry, target] of Object.entries(list)) {
      const file = sourceOf(target);
      if (file !== undefined) {
        entries.set(join(name, entry), join(dirname(path), file));
      }
    }
  }
  return entries;
}

/** Returns the TypeScript source of an `exports` target, which conditions may nest. */
function sourceOf(target: unknown): string | undefined {
  if (typeof target === 'string') {
    return target.endsWith('.ts') && !target.endsWith('.d.ts') ? target : undefined;
  }
  if (typeof target !== 'object' || target === null) {
    return undefined;
  }
  const conditions = target as Record<string, unknown>;
  return sourceOf(conditions['@cnikit/source'] ?? Object.values(conditions).find((value) => sourceOf(value)));
}

/** Returns every circle once, as the files on the way, the first one repeated at the end. */
export function circles(imports: readonly Pick<Import, 'from' | 'to'>[]): string[][] {
  const graph = new Map<string, Set<string>>();
  for (const { from, to } of imports) {
    if (to !== undefined) {
      graph.set(from, (graph.get(from) ?? new Set()).add(to));
    }
  }
  const found = new Map<string, string[]>();
  const done = new Set<string>();
  const way: string[] = [];
  const visit = (file: string): void => {
    const at = way.indexOf(file);
    if (at !== -1) {
      const circle = way.slice(at);
      found.set([...circle].sort().join('\n'), [...circle, file]);
      return;
    }
    if (done.has(file)) {
      return;
    }
    way.push(file);
    for (const next of graph.get(file) ?? []) {
      visit(next);
    }
    way.pop();
    done.add(file);
  };
  for (const file of graph.keys()) {
    visit(file);
  }
  return [...found.values()];
}
