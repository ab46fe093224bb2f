import { expect, test } from 'vitest';
import { brokenLinks } from './links.ts';

const guide = {
  path: 'docs/guide.md',
  text: '# Guide\n\n## The `cnikit` file, and [more](x)\n\n## Notes\n\n## Notes\n\n```sh\n# Comment\n```\n',
};
const broken = (text: string) =>
  brokenLinks([{ path: 'docs/page.md', text }, guide], (path) =>
    ['README.md', 'docs/guide.md', 'docs/page.md', 'packages/ip', 'docs/x'].includes(path),
  );

test.each([
  '[file](guide.md), [folder](../packages/ip), [web](https://example.com/#x), [mail](mailto:a@example.com)',
  '[heading](guide.md#the-cnikit-file-and-more), [second](guide.md#notes-1)',
  '# Page\n\n[here](#page)',
  '`[code](nothing.md)`\n\n```md\n[code](nothing.md)\n```',
  '[heading of a folder](../packages/ip#readme)',
])('brokenLinks() accepts %j', (text) => {
  expect(broken(text)).toEqual([]);
});

test.each([
  ['\n[a](nothing.md)', 'docs/page.md:2 links to nothing.md, which does not exist'],
  ['![a](../figure.svg)', 'docs/page.md:1 links to ../figure.svg, which does not exist'],
  [
    '[a](guide.md#comment)',
    'docs/page.md:1 links to the heading #comment, which docs/guide.md does not have',
  ],
  ['[a](#notes)', 'docs/page.md:1 links to the heading #notes, which docs/page.md does not have'],
])('brokenLinks() of %j reports the target', (text, finding) => {
  expect(broken(text)).toEqual([finding]);
});
