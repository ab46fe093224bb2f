import { expect, test } from 'vitest';
import { forbiddenArrows, readLayers } from './arrows.ts';
import { circles, importsOf, packageEntries } from './imports.ts';

const file = (path: string, text: string) => ({ path, text });

test('importsOf() reads values, types, re-exports and dynamic imports, but no comments', () => {
  const text = [
    "import { a } from './a.ts';",
    "import type { B } from './b.ts';",
    'import {',
    '  c,',
    '  type C,',
    "} from './c.ts';",
    "export * from './d.ts';",
    "const e = await import('./e.ts');",
    "import '@cnikit/ipam/testing';",
    "import { readFileSync } from 'node:fs';",
    '/**',
    " * import { no } from './no.ts';",
    ' */',
    "// import './no.ts';",
  ].join('\n');
  const files = [
    file('p/x.ts', text),
    ...['a', 'b', 'c', 'd', 'e', 'no'].map((name) => file(`p/${name}.ts`, '')),
  ];
  const entries = new Map([['@cnikit/ipam/testing', 'packages/ipam/src/testing.ts']]);
  expect(importsOf(files, entries).map(({ to }) => to)).toEqual([
    'p/a.ts',
    'p/b.ts',
    'p/c.ts',
    'p/d.ts',
    'p/e.ts',
    'packages/ipam/src/testing.ts',
    undefined,
  ]);
});

test('packageEntries() reads the sources of nested conditions', () => {
  const exports = {
    '.': { '@cnikit/source': './src/index.ts', default: './dist/index.js' },
    './testing': { quickjs: { '@cnikit/source': './src/testing.ts' }, default: './dist/testing.js' },
    './package.json': './package.json',
  };
  const entries = packageEntries([
    file('packages/x/package.json', JSON.stringify({ name: '@cnikit/x', exports })),
  ]);
  expect([...entries]).toEqual([
    ['@cnikit/x', 'packages/x/src/index.ts'],
    ['@cnikit/x/testing', 'packages/x/src/testing.ts'],
  ]);
});

test('circles() reports every circle once', () => {
  const arrow = (from: string, to: string) => ({ from, to });
  expect(
    circles([arrow('a', 'b'), arrow('b', 'c'), arrow('c', 'b'), arrow('c', 'd'), arrow('a', 'd')]),
  ).toEqual([['b', 'c', 'b']]);
});

const document = [
  '### Imports of `packages/agent/src`',
  '',
  '| part | purpose | imports |',
  '| --- | --- | --- |',
  '| `core` | values | nothing |',
  '| `observe`, `apply` | kernel | `core` |',
  '',
  '## Other',
  '| `x` | `y` |',
].join('\n');

test('readLayers() reads the tables below the headings', () => {
  const [layers, ...others] = readLayers(document);
  expect(others).toEqual([]);
  expect(layers!.path).toBe('packages/agent/src');
  expect([...layers!.allowed]).toEqual([
    ['core', new Set()],
    ['observe', new Set(['core'])],
    ['apply', new Set(['core'])],
  ]);
});

test('readLayers() refuses an arrow to a part without a row', () => {
  expect(() => readLayers('## Imports of `x`\n| `a` | `b` |')).toThrow(
    'The table of x allows b, which has no row',
  );
});

test('forbiddenArrows() reports arrows that the table lacks, but not those of tests', () => {
  const [layers] = readLayers(document);
  const arrow = (from: string, to: string) => ({
    from: `packages/agent/src/${from}`,
    specifier: to,
    to: `packages/agent/src/${to}`,
  });
  const imports = [
    arrow('observe/a.ts', 'core/b.ts'),
    arrow('core/b.ts', 'observe/a.ts'),
    arrow('core/b.test.ts', 'observe/a.ts'),
    arrow('new/c.ts', 'core/b.ts'),
    { from: 'packages/ipam/src/x.ts', specifier: 'y', to: 'packages/ipam/src/y.ts' },
  ];
  expect(forbiddenArrows(layers!, imports)).toEqual([
    "packages/agent/src/core/b.ts imports 'observe/a.ts': the table of packages/agent/src has no arrow from core to observe",
    "packages/agent/src/new/c.ts imports 'core/b.ts': the table of packages/agent/src has no arrow from new/c.ts (has no row) to core",
  ]);
});
