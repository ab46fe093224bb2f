import { expect, test } from 'vitest';
import { differingFigures } from './figures.ts';

const figures = { rows: [{ title: 'ADD', values: [2.2, 17.68] }] };
const table =
  '| | cnikit ms | p95 | upstream ms | ratio |\n| - | - | - | - | - |\n| ADD | 2.20 | 3.64 | 17.68 | 8.0x |\n';
const readme =
  '| | cnikit ms | reference ms | ratio |\n| --- | --- | --- | --- |\n| ADD | 2.20 | 17.68 | 8.0x |\n';

test('differingFigures() finds nothing when all documents agree', () => {
  expect(differingFigures(figures, table, `${readme}\n| other | table |\n| - | - |\n| ADD | 1 |\n`)).toEqual(
    [],
  );
});

test('differingFigures() reports a row of the picture with other figures than the table', () => {
  const other = { rows: [{ title: 'ADD', values: [2.3, 17.68] }] };
  expect(differingFigures(other, table, readme)).toEqual([
    'docs/figures/plugin.json has "ADD" with 2.30, 17.68; docs/performance.md differs',
  ]);
});

test('differingFigures() reports a row that the table lacks', () => {
  expect(differingFigures({ rows: [] }, table, readme.replace('ADD', 'DEL'))).toEqual([
    'README.md has "DEL" with 2.20, 17.68, 8.0x; docs/performance.md lacks it',
  ]);
});

test('differingFigures() reports a ratio of the README that differs', () => {
  expect(differingFigures(figures, table, readme.replace('8.0x', '4.3x'))).toEqual([
    'README.md has "ADD" with 2.20, 17.68, 4.3x; docs/performance.md differs',
  ]);
});
