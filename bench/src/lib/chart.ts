/** Charts as SVG files, readable on light and dark pages. */

/** A row of a chart: a value of each series, in the order of the series. */
export interface ChartRow {
  title: string;
  values: readonly (number | undefined)[];
}

export interface Chart {
  title: string;
  /** Line below the title: date, machine, versions. */
  subtitle: string;
  /** Names of the series. The first one is the own program. */
  series: readonly string[];
  unit: string;
  rows: readonly ChartRow[];
}

const WIDTH = 810;
const LEFT = 250;
const RIGHT = 70;
const TOP = 96;
const ROW = 26;
const RADIUS = 5;
const CHARACTER = 7;

/** Colours of the series on light and dark pages. */
const COLOURS = [
  ['#0b6e4f', '#4cc38a'],
  ['#b4540a', '#f2a65a'],
  ['#5b5bd6', '#a9a9ff'],
] as const;

/** Returns an SVG file: a line for each row with a dot for each value, on a logarithmic axis. */
export function chartSvg({ title, subtitle, series, unit, rows }: Chart): string {
  const all = rows.flatMap(({ values }) => values.filter((value) => value !== undefined));
  const low = Math.floor(Math.log10(Math.min(...all)));
  const high = Math.ceil(Math.log10(Math.max(...all)));
  const x = (value: number) =>
    LEFT + ((Math.log10(value) - low) / (high - low || 1)) * (WIDTH - LEFT - RIGHT);
  const height = TOP + rows.length * ROW + 40;
  const bottom = TOP + rows.length * ROW;
  const ticks = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i));
  const styles = (dark: 0 | 1) => COLOURS.map((both, i) => `.s${i}{fill:${both[dark]}}`).join('');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(title)}">`,
    '<style>',
    'text{font:13px system-ui,sans-serif;fill:#1f2328}.small{font-size:11.5px;fill:#59636e}.title{font-size:16px;font-weight:600}',
    `line{stroke:#d1d9e0}.span{stroke:#afb8c1;stroke-width:2}${styles(0)}`,
    '@media (prefers-color-scheme:dark){text{fill:#f0f6fc}.small{fill:#9198a1}',
    `line{stroke:#3d444d}.span{stroke:#656c76}${styles(1)}}`,
    '</style>',
    text(12, 26, title, 'title'),
    text(12, 46, subtitle, 'small'),
    ...legend(series),
    ...ticks.flatMap((value) => [
      `<line x1="${fixed(x(value))}" y1="${TOP - 8}" x2="${fixed(x(value))}" y2="${bottom}"/>`,
      text(x(value), bottom + 18, `${value} ${unit}`, 'small', 'middle'),
    ]),
    ...rows.flatMap((row, i) => rowOf(row, TOP + i * ROW + ROW / 2, x)),
    '</svg>',
    '',
  ].join('\n');
}

function legend(series: readonly string[]): string[] {
  let at = 18;
  return series.flatMap((name, i) => {
    const parts = [dot(at, 68, i), text(at + 10, 72, name, 'small')];
    at += 34 + name.length * CHARACTER;
    return parts;
  });
}

function rowOf({ title, values }: ChartRow, y: number, x: (value: number) => number): string[] {
  const present = values.filter((value) => value !== undefined);
  const [least, most] = [Math.min(...present), Math.max(...present)];
  const [own] = values;
  const ratio = own === undefined || own === most ? '' : `${(most / own).toFixed(1)}x`;
  return [
    text(LEFT - 12, y + 4, title, '', 'end'),
    `<line class="span" x1="${fixed(x(least))}" y1="${y}" x2="${fixed(x(most))}" y2="${y}"/>`,
    ...values.flatMap((value, i) => (value === undefined ? [] : [dot(x(value), y, i)])),
    text(x(most) + 12, y + 4, ratio, 'small'),
  ];
}

function dot(x: number, y: number, series: number): string {
  return `<circle class="s${series % COLOURS.length}" cx="${fixed(x)}" cy="${y}" r="${RADIUS}"/>`;
}

function text(x: number, y: number, content: string, kind: string, anchor = 'start'): string {
  const attributes = `${kind && ` class="${kind}"`}${anchor === 'start' ? '' : ` text-anchor="${anchor}"`}`;
  return `<text x="${fixed(x)}" y="${y}"${attributes}>${escaped(content)}</text>`;
}

function fixed(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
