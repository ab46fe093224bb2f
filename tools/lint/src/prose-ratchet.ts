/**
 * Holds the number of expressions that {@link rules} forbid: it may only fall, in each package and kind of text.
 *
 * @module
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sourceFiles } from './files.ts';
import { passagesOf } from './passages.ts';
import { type ProseFinding, proseFindings } from './prose.ts';

/** Counts by place, such as `packages/ipam comments`. A place that is missing has none. */
export type Counts = Record<string, number>;

const FILE = 'tools/lint/prose.json';
/** These quote what the rules forbid, or are written by others. */
const EXCLUDED = /(^|\/)(testdata|CHANGELOG\.md|LICENSE)|^tools\/lint\/src\/prose|^node_modules\//;

/** Names the place that a finding counts for: package and kind of text. */
export function placeOf({ path, kind }: Pick<ProseFinding, 'path' | 'kind'>): string {
  const [first = '', second = ''] = path.split('/');
  const nested =
    ['packages', 'testing', 'toolchain', 'examples'].includes(first) ||
    path.startsWith('tools/package-checks/');
  const folder = path.includes('/') ? (nested ? `${first}/${second}` : first) : 'root';
  if (path.endsWith('README.md')) {
    return `${folder} README`;
  }
  const test = /\.test\.ts$|\/test\//.test(path);
  return `${folder} ${test ? 'test ' : ''}${kind === 'markdown' ? kind : `${kind}s`}`;
}

/** Returns what `found` has more of than `allowed`. */
export function rises(found: Counts, allowed: Counts): string[] {
  return Object.keys(found).filter((place) => found[place]! > (allowed[place] ?? 0));
}

/** Returns the lower of both counts, without the places that have none. */
export function lowered(found: Counts, allowed: Counts): Counts {
  return Object.fromEntries(
    Object.entries(allowed)
      .map(([place, count]): [string, number] => [place, Math.min(count, found[place] ?? 0)])
      .filter(([, count]) => count > 0),
  );
}

/** Counts the findings of each place, sorted by its name. */
export function countsOf(findings: readonly ProseFinding[]): Counts {
  const counts: Counts = {};
  for (const place of findings.map(placeOf).sort()) {
    counts[place] = (counts[place] ?? 0) + 1;
  }
  return counts;
}

/** Checks all prose of the repository against the committed counts, and lowers them if asked. */
export function checkProse(root: string, write: boolean): { findings: string[]; checked: string } {
  const files = sourceFiles(root, ['*.ts', '*.mjs', '*.c', '*.h', '*.md']).filter(
    ({ path }) => !EXCLUDED.test(path),
  );
  const all = files.flatMap(({ path, text }) => proseFindings(path, passagesOf(path, text)));
  const found = countsOf(all);
  const file = join(root, FILE);
  const allowed: Counts = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : found;
  if (write || !existsSync(file)) {
    writeFileSync(file, `${JSON.stringify(lowered(found, allowed), null, 2)}\n`);
  }
  const findings = rises(found, allowed).flatMap((place) => [
    `${place}: ${found[place]} expressions to avoid, at most ${allowed[place] ?? 0} are allowed (${FILE}):`,
    ...all
      .filter((finding) => placeOf(finding) === place)
      .map(({ path, line, match, rule }) => `  ${path}:${line} "${match}": write ${rule.advice}`),
  ]);
  const left = all.length === 0 ? '' : `, ${all.length} known expressions left`;
  return { findings, checked: `English: comments, strings and Markdown of ${files.length} files${left}` };
}
