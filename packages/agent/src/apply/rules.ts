/** Reads and writes the packet filter rules of both families. */

import { type Family, families } from '@cnikit/ip';
import { type BackendReport, type Iptables, openIptables, type TableSpec } from '@cnikit/iptables';
import type { RuleAction } from '../core/action.ts';
import { CHAIN_PREFIX, MASQUERADE_CHAIN } from '../core/names.ts';

export type DesiredRules = Readonly<Record<Family, readonly TableSpec[]>>;

export interface Rules {
  /** Returns what `apply` would change. */
  plan(desired: DesiredRules): RuleAction[];
  /** Returns what `apply` would change for one family. */
  planFamily(family: Family, desired: readonly TableSpec[]): RuleAction[];
  /** Returns the backend in use for a family, and what both backends hold. */
  report(family: Family): BackendReport;
  /** Returns whether the agent's rules in the kernel match sets; undefined without rules that could. */
  matchSets(): boolean | undefined;
  /** Reads the rules, and writes only those that differ. Returns what changed. */
  apply(desired: DesiredRules): RuleAction[];
}

/** Creates the access to the rules. `env` may name the iptables backend; see {@link openIptables}. */
export function createRules(
  env: NodeJS.ProcessEnv,
  open: (family: Family) => Iptables = (family) => openIptables({ family, prefix: CHAIN_PREFIX, env }),
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
      // A plan that empties the chain lists its rules.
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

/** Moves the sign, which the library puts behind the table, to the front. */
function lines(family: Family, diff: readonly string[]): RuleAction[] {
  return diff.map((line) => ({ kind: 'rule', family, line: line.replace(/^(\w+): (\S) /, '$2 $1 ') }));
}
