import { sourceFiles } from './files.ts';

/** Finds members with the modifier `private`. Constructors need it; all others are `#name`. */
export function checkPrivateMembers(root: string): { findings: string[]; checked: string } {
  const files = sourceFiles(root, ['*.ts']);
  const findings = files.flatMap(({ path, text }) =>
    text
      .split('\n')
      .flatMap((line, i) =>
        /^\s+private (?!constructor\b)/.test(line) ? [`${path}:${i + 1} uses "private": write #name`] : [],
      ),
  );
  return { findings, checked: `Private members: ${files.length} files` };
}
