/**
 * `npm run bench -- chart`: draws the charts of docs/figures again, from the figures that a benchmark has written there
 * with its option --json.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Chart, chartSvg } from './lib/chart.ts';

const FOLDER = join(import.meta.dirname, '../../docs/figures');

for (const name of readdirSync(FOLDER).filter((one) => one.endsWith('.json'))) {
  const file = join(FOLDER, name.replace(/json$/, 'svg'));
  writeFileSync(file, chartSvg(JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as Chart));
  console.log(file);
}
