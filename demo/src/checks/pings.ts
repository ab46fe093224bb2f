import { type Namespace, type Pod, ping } from '@cnikit/testing-lab';
import { bold, dim, explain, green, red } from '../terminal.ts';

const FAMILIES = ['ipv4', 'ipv6'] as const;

/** Number of concurrent pings. More would delay replies on a small machine. */
const CONCURRENCY = 12;

/** Time for a reply that is not expected. One that is expected has longer. */
const DENIED_MS = 1000;

/** A row of the matrix: for each target, the families that replied. */
export interface PingRow {
  from: Namespace;
  cells: { to: Pod; ipv4: boolean; ipv6: boolean }[];
}

/** Pings every target from every source over IPv4 and IPv6. `denied` returns whether no reply is expected. */
export async function pingMatrix(
  sources: readonly Namespace[],
  targets: readonly Pod[],
  denied: (from: Namespace, to: Pod) => boolean = () => false,
): Promise<PingRow[]> {
  const rows = sources.map((from) => ({
    from,
    cells: targets.map((to) => ({ to, ipv4: false, ipv6: false })),
  }));
  const jobs = rows.flatMap(({ from, cells }) =>
    cells.flatMap((cell) =>
      FAMILIES.map((family) => async () => {
        const options = denied(from, cell.to) ? { timeoutMs: DENIED_MS } : {};
        cell[family] = await ping(from, cell.to.ip4or6(family), options);
      }),
    ),
  );
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      for (let job = jobs.shift(); job; job = jobs.shift()) {
        await job();
      }
    }),
  );
  return rows;
}

/** Counts the pings and their replies. */
export function count(rows: readonly PingRow[]): { sent: number; replied: number } {
  const replies = rows.flatMap(({ cells }) => cells.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6]));
  return { sent: replies.length, replied: replies.filter(Boolean).length };
}

/** Draws the matrix: `4 6` means replies over both families. */
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
  explain(dim(`${label('')}${' '.repeat(3)}4: reply over IPv4, 6: reply over IPv6, -: no reply`));
  explain();
}
