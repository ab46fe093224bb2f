/**
 * The project's own linters, run by `npm run lint`. Prints the checks and each finding as a line.
 *
 *     node tools/lint/src/main.ts
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { forbiddenArrows, readLayers } from './arrows.ts';
import { checkProse } from './check-prose.ts';
import { newSubjects, subjectProblems } from './commit-subjects.ts';
import { checkFigures } from './figures.ts';
import { sourceFiles } from './files.ts';
import { circles, importsOf, packageEntries } from './imports.ts';
import { checkLinks } from './links.ts';
import { checkPrivateMembers } from './private-members.ts';

const ROOT = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

const results = [
  checkImports(),
  checkProse(ROOT),
  checkLinks(ROOT),
  checkFigures(ROOT),
  checkPrivateMembers(ROOT),
  checkCommits(),
];
for (const { findings, checked } of results) {
  for (const finding of findings) {
    console.error(finding);
  }
  console.log(`${checked}: ${findings.length === 0 ? 'no problems' : `${findings.length} problems`}`);
}
process.exitCode = results.some(({ findings }) => findings.length > 0) ? 1 : 0;

function checkImports(): { findings: string[]; checked: string } {
  const files = sourceFiles(ROOT, ['*.ts', '*.mjs']);
  const imports = importsOf(files, packageEntries(sourceFiles(ROOT, ['*package.json'])));
  const layers = readLayers(readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8'));
  return {
    findings: [
      ...circles(imports).map((way) => `Circle of imports: ${way.join(' → ')}`),
      ...layers.flatMap((one) => forbiddenArrows(one, imports)),
    ],
    checked: `Imports: ${imports.length} in ${files.length} files, circles and the arrows of ${layers.length} tables of ARCHITECTURE.md`,
  };
}

function checkCommits(): { findings: string[]; checked: string } {
  const commits = newSubjects(ROOT);
  return {
    findings: commits.flatMap(({ hash, subject }) =>
      subjectProblems(subject).map((problem) => `Commit ${hash} "${subject}": ${problem}`),
    ),
    checked: `Commit subjects: ${commits.length} since the base`,
  };
}
