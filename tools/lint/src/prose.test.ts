import { expect, test } from 'vitest';
import { passagesOf } from './passages.ts';
import { proseFindings } from './prose.ts';

const found = (text: string, path = 'packages/x/src/x.ts') =>
  proseFindings(path, passagesOf(path, text)).map(({ rule, line }) => `${rule.name} ${line}`);

test.each([
  ['opening', '/** Of untagged frames only. */'],
  ['is-no', '// The link is no bridge.'],
  ['is-no', '// The link is none of ours.'],
  ['tell', '// The kernel tells the agent.'],
  ['said', "const x = 'The error is said here';"],
  ['answered', '// The caller is answered later.'],
  ['who', '// Loaded for clients, not for who speaks TLS.'],
  ['archaic', "fail('somebody rolled back');"],
  ['preposition-which', '// The list by which CI runs them.'],
  ['of-its-own', '// A bridge of its own.'],
  ['to-be', '// The address is to be kept.'],
  ['headless-what', '// Reports what stands in the way.'],
  ['made-good', '// The next pass puts it right.'],
  ['without-a-word', '// Packets are lost without a word.'],
  ['there-is-that', '// Every link that there is.'],
  ['sentence-of', '// Links come first. Of the rest one is taken.'],
  ['one-before', '// Installs the one before.'],
])('proseFindings() finds %s in %s', (rule, text) => {
  expect(found(text)).toContain(`${rule} 1`);
});

test.each([
  '/** VLAN ID for untagged frames; 0 = none. */',
  '// The link is no longer used.',
  '/** Returns the address. Calls `somebody()` {@link mend}. */',
  '/**\n * Example:\n *\n *     tell(somebody)\n */',
  "const pattern = /is no 'bridge' told/; const quotient = 1 / 2;",
  "import { told } from './somebody.ts';",
])('proseFindings() finds nothing in %s', (text) => {
  expect(found(text)).toEqual([]);
});

test('proseFindings() names the line within a passage', () => {
  expect(found('\n/**\n * Reads links.\n * The kernel tells more.\n */\n')).toEqual(['tell 4']);
});

test('passagesOf() finds comments and strings between templates and regular expressions', () => {
  const code = [
    'const a = `one two $' + '{b ? `three four $' + "{'five six'}` : { c: 1 }.c} seven eight`; // nine ten",
    "const e = /'[`/]/.test('eleven twelve');",
  ].join('\n');
  expect(passagesOf('x.ts', code).map(({ kind, text }) => `${kind}: ${text.trim()}`)).toEqual([
    'string: one two',
    'string: three four',
    'string: five six',
    'string: seven eight',
    'comment: nine ten',
    'string: eleven twelve',
  ]);
});

test('passagesOf() leaves out the code of Markdown', () => {
  const text = 'Prose `somebody` here.\n\n```ts\ntold by somebody\n```\n\n    mend anew\n\nMore prose.\n';
  expect(found(text, 'README.md')).toEqual([]);
});
