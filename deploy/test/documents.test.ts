import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { deploy, read } from './rendered.ts';

const root = join(deploy, '..');
const folders = [
  '.',
  'docs',
  'docs/decisions',
  'deploy',
  'e2e',
  'packages/*',
  'testing/*',
  'tools/*',
].flatMap((folder) =>
  folder.endsWith('/*')
    ? readdirSync(join(root, folder.slice(0, -2))).map((name) => `${folder.slice(0, -2)}/${name}`)
    : [folder],
);
const documents = folders.flatMap((folder) =>
  existsSync(join(root, folder)) && !folder.endsWith('.mjs') && !folder.endsWith('.json')
    ? readdirSync(join(root, folder))
        .filter((name) => name.endsWith('.md'))
        .map((name) => join(folder, name))
    : [],
);

test.each(documents)('%s links only to existing files', (document) => {
  const text = read(`../${document}`).replaceAll(/```.*?```/gs, '');
  const targets = [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)\s#]+)/g)].map(
    ([, target]) => target as string,
  );
  const missing = targets.filter((target) => !existsSync(join(root, dirname(document), target)));
  expect(missing).toEqual([]);
});

test.each(documents)('%s names only existing npm scripts', (document) => {
  const { scripts } = JSON.parse(read('../package.json')) as { scripts: Record<string, string> };
  for (const [, name] of read(`../${document}`).matchAll(/`?npm run ([\w:-]+)/g)) {
    const inPackage = document.startsWith('packages/')
      ? JSON.parse(read(`../${dirname(document)}/package.json`))
      : {};
    expect({ ...scripts, ...inPackage.scripts }).toHaveProperty([name as string]);
  }
});
