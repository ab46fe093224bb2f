/** Keeps the packet filter rules of both families. */

import { type Family, families } from '@cnikit/ip';
import { type BackendReport, type Iptables, openIptables, type TableSpec } from '@cnikit/iptables';
import type { RuleAction } from '../core/action.ts';
import { CHAIN_PREFIX, MASQUERADE_CHAIN } from '../core/names.ts';

export type DesiredRules = Readonly<Record<Family, readonly TableSpec[]>>;

export interface Rules {
  /** What `apply` would change; writes nothing. */
  plan(desired: DesiredRules): RuleAction[];
  /** What `apply` would change for one family. */
  planFamily(family: Family, desired: readonly TableSpec[]): RuleAction[];
  /** The backend in use for a family, and what both backends hold. */
  report(family: Family): BackendReport;
  /** Whether the agent's rules in the kernel match sets; undefined while there are none that could. */
  matchSets(): boolean | undefined;
  /** Reads, and writes only when something differs; returns what changed. */
  apply(desired: DesiredRules): RuleAction[];
}

export function createRules(
  open: (family: Family) => Iptables = (family) => openIptables({ family, prefix: CHAIN_PREFIX }),
): Rules {
  const handles = new Map<Family, Iptables>();
  const handle = (family: Family): Iptables => {
    const opened = handles.get(family) ?? open(family);
    handles.set(family, opened);
    return opened;
  };
  const planFamily = (family: Family, tables: readonly TableSpec[]): RuleAction[] =>
    lines(family, handle(family).plan(tables).diff);
  return {
    plan: (desired) => families.flatMap((family) => planFamily(family, desired[family])),
    planFamily,
    report: (family) => handle(family).report(),
    matchSets: () => {
      // The plan that empties the chain lists its rules.
      const tables = [{ table: 'nat', chains: { [MASQUERADE_CHAIN]: [] } }] as const;
      const rules = families
        .flatMap((family) => planFamily(family, tables))
        .filter(({ line }) => line.startsWith('- ') && line.includes(` ${MASQUERADE_CHAIN} `));
      return rules.length === 0 ? undefined : rules.some(({ line }) => line.includes('--match-set'));
    },
    apply: (desired) =>
      families.flatMap((family) => lines(family, handle(family).ensure(desired[family]).diff)),
  };
}

/** The library says `filter: + chain X`; here every line begins with its sign. */
function lines(family: Family, diff: readonly string[]): RuleAction[] {
  return diff.map((line) => ({ kind: 'rule', family, line: line.replace(/^(\w+): (\S) /, '$2 $1 ') }));
}
