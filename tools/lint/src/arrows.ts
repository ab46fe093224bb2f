/**
 * Checks imports against the tables of ARCHITECTURE.md. A heading `### Imports of PATH` starts a table: the first
 * column names folders or files below PATH, the last one what they may import, both in backticks.
 *
 * @module
 */
import type { Import } from './imports.ts';

/** One table: the parts below a path, and the parts that each may import. */
export interface Layers {
  /** `.` or a folder, such as `packages/agent/src`. */
  path: string;
  allowed: Map<string, Set<string>>;
}

/**
 * Reads the tables of a document.
 *
 * @throws {Error} when a row allows a part that has no row.
 */
export function readLayers(markdown: string): Layers[] {
  const layers: Layers[] = [];
  for (const section of markdown.split(/^#{2,} /m)) {
    const path = /^Imports of `([^`]+)`/.exec(section)?.[1];
    if (path === undefined) {
      continue;
    }
    const allowed = new Map<string, Set<string>>();
    for (const line of section.split('\n')) {
      const cells = line.split('|').slice(1, -1);
      const parts = names(cells[0] ?? '');
      for (const part of parts) {
        allowed.set(part, new Set(names(cells.at(-1) ?? '')));
      }
    }
    const unknown = [...allowed.values()].flatMap((set) => [...set]).find((name) => !allowed.has(name));
    if (unknown !== undefined) {
      throw new Error(`The table of ${path} allows ${unknown}, which has no row`);
    }
    layers.push({ path, allowed });
  }
  return layers;
}

function names(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);
}

/** Returns a sentence for each import that its table does not allow. Tests may import anything. */
export function forbiddenArrows({ path, allowed }: Layers, imports: readonly Import[]): string[] {
  const parts = [...allowed.keys()];
  const partOf = (file: string): string | undefined => {
    if (path !== '.' && !file.startsWith(`${path}/`)) {
      return undefined;
    }
    const below = path === '.' ? file : file.slice(path.length + 1);
    return parts.find((part) => below === part || below.startsWith(`${part}/`)) ?? `${below} (has no row)`;
  };
  return imports.flatMap(({ from, specifier, to }) => {
    const target = to === undefined ? undefined : partOf(to);
    const source = partOf(from);
    if (isTest(from) || source === undefined || target === undefined || source === target) {
      return [];
    }
    return allowed.get(source)?.has(target)
      ? []
      : [`${from} imports '${specifier}': the table of ${path} has no arrow from ${source} to ${target}`];
  });
}

function isTest(file: string): boolean {
  return /\.test\.ts$|(^|\/)(test|testing)\/|^bench\/|^examples\/|^e2e\/|\.config\.ts$/.test(file);
}
