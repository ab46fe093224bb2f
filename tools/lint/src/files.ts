import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A file of the repository: its path below the root and its text. */
export interface SourceFile {
  path: string;
  text: string;
}

/** Reads the tracked and new files that match one of the patterns of git. */
export function sourceFiles(root: string, patterns: readonly string[]): SourceFile[] {
  const argv = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', ...patterns];
  const paths = execFileSync('git', argv, { cwd: root, encoding: 'utf8' }).split('\0');
  return [...new Set(paths)]
    .filter((path) => path !== '' && existsSync(join(root, path)))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
}
