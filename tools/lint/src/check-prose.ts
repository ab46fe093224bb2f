import { sourceFiles } from './files.ts';
import { passagesOf } from './passages.ts';
import { proseFindings } from './prose.ts';

/** These quote what the rules forbid, or are written by others. */
const EXCLUDED = /(^|\/)(testdata|CHANGELOG\.md|LICENSE)|^tools\/lint\/src\/prose|^node_modules\//;

/** Checks the comments, strings and Markdown of the repository. */
export function checkProse(root: string): { findings: string[]; checked: string } {
  const files = sourceFiles(root, ['*.ts', '*.mjs', '*.c', '*.h', '*.md']).filter(
    ({ path }) => !EXCLUDED.test(path),
  );
  const findings = files
    .flatMap(({ path, text }) => proseFindings(path, passagesOf(path, text)))
    .map(({ path, line, match, rule }) => `${path}:${line} "${match}": write ${rule.advice}`);
  return { findings, checked: `English: comments, strings and Markdown of ${files.length} files` };
}
