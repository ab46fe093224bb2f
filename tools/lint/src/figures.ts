import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Rows of a table by their first cell. */
type Rows = ReadonlyMap<string, readonly string[]>;

/** Document with the benchmark's whole table, and the file that `npm run bench -- plugin --json` writes. */
const TABLE = 'docs/performance.md';
const FIGURES = 'docs/figures/plugin.json';

/** Checks that the figures of the plugin are the same everywhere: in the README, in the table and in the picture. */
export function checkFigures(root: string): { findings: string[]; checked: string } {
  const read = (path: string) => readFileSync(join(root, path), 'utf8');
  const figures = JSON.parse(read(FIGURES)) as Figures;
  return {
    findings: differingFigures(figures, read(TABLE), read('README.md')),
    checked: `Figures: ${figures.rows.length} rows of ${FIGURES} in ${TABLE}, and those of README.md`,
  };
}

interface Figures {
  rows: { title: string; values: number[] }[];
}

/** Returns a line for each row of the picture that the table lacks, and for each of the README that differs from the table. */
export function differingFigures(figures: Figures, table: string, readme: string): string[] {
  const rows = rowsOf(table);
  return [
    ...figures.rows.flatMap(({ title, values }) =>
      differences(
        TABLE,
        rows,
        title,
        values.map((value) => value.toFixed(2)),
        FIGURES,
      ),
    ),
    ...[...rowsOf(readme)].flatMap(([title, cells]) => differences(TABLE, rows, title, cells, 'README.md')),
  ];
}

function differences(document: string, rows: Rows, title: string, cells: readonly string[], other: string) {
  const row = rows.get(title);
  return row !== undefined && cells.every((cell) => row.includes(cell))
    ? []
    : [`${other} has "${title}" with ${cells.join(', ')}; ${document} ${row ? 'differs' : 'lacks it'}`];
}

/** Returns the rows of the tables whose header has the column "cnikit ms". */
function rowsOf(text: string): Rows {
  const rows = new Map<string, readonly string[]>();
  let inside = false;
  for (const line of text.split('\n')) {
    const [title = '', ...cells] = line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
    if (!line.startsWith('|')) {
      inside = false;
    } else if (cells.includes('cnikit ms')) {
      inside = true;
    } else if (inside && !/^-+$/.test(title)) {
      rows.set(title, cells);
    }
  }
  return rows;
}
