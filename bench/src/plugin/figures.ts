import { cpus, release } from 'node:os';
import type { Chart, ChartRow } from '../lib/chart.ts';
import { AGAINST, referenceVersion } from './node.ts';

/** Returns the chart of a run, as --json writes it. */
export function figures(rows: readonly ChartRow[], rounds: number): Chart {
  const date = new Date().toISOString().slice(0, 10);
  const machine = `Linux ${/^\d+\.\d+/.exec(release())?.[0]}, ${cpus().length} processors`;
  return {
    title: 'Time of one invocation, from fork to exit',
    subtitle: `${date}, medians of ${rounds} rounds in turn; ${machine}; ${referenceVersion()}`,
    series: ['cnikit', 'upstream', ...(AGAINST === undefined ? [] : ['cnikit, other build'])],
    unit: 'ms',
    rows,
  };
}
