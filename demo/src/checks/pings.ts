import { type Place, type Pod, ping } from '@cnikit/testing-lab';
import { bold, dim, explain, green, red } from '../terminal.ts';

const FAMILIES = ['ipv4', 'ipv6'] as const;

/** Enough at a time to be quick, few enough that no reply is late on a small machine. */
const AT_ONCE = 12;

/** What a row of the matrix found: per target, whether each family answers. */
export interface PingRow {
  from: Place;
  cells: { to: Pod; ipv4: boolean; ipv6: boolean }[];
}

/** Pings every target from every source, by both families. */
export async function pingMatrix(sources: readonly Place[], targets: readonly Pod[]): Promise<PingRow[]> {
  const rows = sources.map((from) => ({
    from,
    cells: targets.map((to) => ({ to, ipv4: false, ipv6: false })),
  }));
  const jobs = rows.flatMap(({ from, cells }) =>
    cells.flatMap((cell) =>
      FAMILIES.map((family) => async () => {
        cell[family] = await ping(from, cell.to.ip4or6(family));
      }),
    ),
  );
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let job = jobs.shift(); job; job = jobs.shift()) {
        await job();
      }
    }),
  );
  return rows;
}

/** How many pings there were, and how many had an answer. */
export function count(rows: readonly PingRow[]): { sent: number; answered: number } {
  const replies = rows.flatMap(({ cells }) => cells.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6]));
  return { sent: replies.length, answered: replies.filter(Boolean).length };
}

/** Draws the matrix: `4 6` where both families answer. */
export function drawMatrix(rows: readonly PingRow[]): void {
  const targets = rows[0]?.cells.map(({ to }) => to.name) ?? [];
  const width = Math.max(...targets.map((name) => name.length), 4) + 3;
  const wide = (text: string, painted = text) => ' '.repeat(Math.max(0, width - text.length)) + painted;
  const label = (text: string) => text.padEnd(12);
  explain();
  explain(`${dim(label('from ╲ to'))}${targets.map((name) => wide(name, bold(name))).join('')}`);
  for (const { from, cells } of rows) {
    const drawn = cells.map(({ to, ipv4, ipv6 }) => {
      const text = `${ipv4 ? '4' : '-'} ${ipv6 ? '6' : '-'}`;
      if (!ipv4 || !ipv6) {
        return wide(text, red(text));
      }
      return wide(text, to === from ? dim(text) : green(text));
    });
    explain(`${bold(label(from.name))}${drawn.join('')}`);
  }
  explain(dim(`${label('')}${' '.repeat(3)}4 answers by IPv4, 6 by IPv6, - does not`));
  explain();
}
