import { expect, test } from 'vitest';
import type { SpokenVersions } from '../core/model.ts';
import { listVersions } from './list-versions.ts';

const old = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0'];
const now = [...old, '1.1.0'];

const cases: [string, SpokenVersions[], string[], string[]][] = [
  ['all versions without chained plugins', [], ['0.4.0', '1.0.0', '1.1.0'], []],
  [
    'all versions when every plugin speaks them',
    [{ type: 'a', versions: now }],
    ['0.4.0', '1.0.0', '1.1.0'],
    [],
  ],
  ['all versions for links to cnikit', [{ type: 'portmap' }], ['0.4.0', '1.0.0', '1.1.0'], []],
  [
    'what the oldest plugin speaks',
    [
      { type: 'a', versions: now },
      { type: 'b', versions: old },
    ],
    ['0.4.0', '1.0.0'],
    ['chain-version b'],
  ],
  ['only versions that the plugin speaks', [{ type: 'a', versions: ['1.1.0'] }], ['1.1.0'], []],
  [
    'an old version when the plugin speaks no newer one',
    [{ type: 'a', versions: ['0.3.0', '0.3.1'] }],
    ['0.3.1'],
    ['chain-version a'],
  ],
  [
    'no version after 1.0.0 for a plugin that does not answer',
    [{ type: 'a', error: 'ENOEXEC' }],
    ['0.4.0', '1.0.0'],
    ['chain-version a'],
  ],
  [
    'no version after 1.0.0 for a plugin that is not installed',
    [{ type: 'a', error: 'none', missing: true }],
    ['0.4.0', '1.0.0'],
    ['chain a'],
  ],
  [
    'nothing for plugins without a common version',
    [
      { type: 'a', versions: ['0.4.0'] },
      { type: 'b', versions: ['1.0.0'] },
    ],
    [],
    ['chain versions'],
  ],
  ['nothing for a plugin without chaining', [{ type: 'a', versions: ['0.2.0'] }], [], ['chain versions']],
];

test.each(cases)('listVersions() returns %s', (_, chained, versions, problems) => {
  const result = listVersions(chained);
  expect(result.versions).toEqual(versions);
  expect(result.problems.map(({ kind, subject }) => `${kind} ${subject}`)).toEqual(problems);
});

test('listVersions() names the plugin, its version and the consequence', () => {
  const { problems } = listVersions([{ type: 'tuning', versions: old }]);
  expect(problems[0]!.message).toMatch(
    /^The chained plugin tuning speaks CNI 1\.0\.0 at most, so .* offers 1\.0\.0/,
  );
});
