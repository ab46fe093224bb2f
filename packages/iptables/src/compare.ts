import type { Run } from './model.ts';
import { type Programs, tryRestore } from './runner.ts';

/** A declared rule and a saved one, both in the syntax of iptables-restore. */
export interface Pair {
  readonly declared: string;
  readonly saved: string;
}

/** Number of differing pairs after which the rest counts as differing, because each costs a process. */
const MAX_DIFFERENCES = 32;

/** Lines of a pair in the input of iptables-restore. */
const LINES = 3;

/** Chains of the comparison. They are never committed. */
const CHAIN = 'CNIKIT-COMPARE';

function script(table: string, pairs: readonly Pair[]): string {
  const lines = pairs.flatMap(({ declared, saved }, i) => [
    `:${CHAIN}-${i} - [0:0]`,
    `-A ${CHAIN}-${i} ${saved}`,
    `-C ${CHAIN}-${i} ${declared}`,
  ]);
  // The last check fails always, so that nothing is committed.
  return [`*${table}`, ...lines, `:${CHAIN} - [0:0]`, `-C ${CHAIN} -j RETURN`, 'COMMIT', ''].join('\n');
}

/**
 * Has the iptables of the host compare rules, because only it knows all extensions and the names of this host: the
 * services, users and groups. The comparison is a transaction that fails on purpose, so it writes nothing.
 *
 * @returns for each pair whether both rules are equal; false also when the host cannot compare them
 */
export function compareRules(run: Run, names: Programs, table: string, pairs: readonly Pair[]): boolean[] {
  const equal: boolean[] = pairs.map(() => false);
  let start = 0;
  for (let differing = 0; start < pairs.length && differing < MAX_DIFFERENCES; differing++) {
    const rest = pairs.slice(start);
    const failedLine = tryRestore(run, names, script(table, rest));
    if (failedLine === undefined) {
      return equal;
    }
    // Line 1 names the table.
    const failed = Math.min(Math.floor((failedLine - 2) / LINES), rest.length);
    equal.fill(true, start, start + failed);
    start += failed + 1;
  }
  return equal;
}
