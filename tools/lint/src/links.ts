import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { type SourceFile, sourceFiles } from './files.ts';

/** Checks the relative links of all Markdown files. */
export function checkLinks(root: string): { findings: string[]; checked: string } {
  const files = sourceFiles(root, ['*.md']);
  return {
    findings: brokenLinks(files, (path) => existsSync(join(root, path))),
    checked: `Links: files and headings that ${files.length} documents refer to`,
  };
}

/**
 * Returns a line for each relative link of the documents whose file or heading does not exist. Code is skipped.
 *
 * @param exists whether a path below the root exists
 */
export function brokenLinks(documents: readonly SourceFile[], exists: (path: string) => boolean): string[] {
  const anchors = new Map(documents.map(({ path, text }) => [path, anchorsOf(text)]));
  return documents.flatMap(({ path, text }) =>
    proseLines(text).flatMap(({ line, content }) =>
      [...content.replaceAll(/`[^`]*`/g, '').matchAll(/\]\((?!\w+:)([^)\s#]*)(?:#([^)\s]*))?\)/g)].flatMap(
        ([, target = '', anchor]) => {
          const file = target === '' ? path : normalize(join(dirname(path), target));
          if (!exists(file)) {
            return [`${path}:${line} links to ${target}, which does not exist`];
          }
          const known = anchors.get(file);
          return anchor === undefined || known === undefined || known.has(anchor)
            ? []
            : [`${path}:${line} links to the heading #${anchor}, which ${file} does not have`];
        },
      ),
    ),
  );
}

/** Returns the anchors that GitHub gives the headings of a document: equal headings get a number. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const { content } of proseLines(text)) {
    const heading = /^#{1,6} +(.*)$/.exec(content)?.[1];
    if (heading === undefined) {
      continue;
    }
    const anchor = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .trim()
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-');
    let unique = anchor;
    for (let n = 1; anchors.has(unique); n++) {
      unique = `${anchor}-${n}`;
    }
    anchors.add(unique);
  }
  return anchors;
}

/** Returns the lines of a document outside of fenced code. */
function proseLines(text: string): { line: number; content: string }[] {
  let fenced = false;
  return text.split('\n').flatMap((content, i) => {
    if (/^\s*```/.test(content)) {
      fenced = !fenced;
      return [];
    }
    return fenced ? [] : [{ line: i + 1, content }];
  });
}
