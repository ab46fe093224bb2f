/** Keeps the packet filter rules of both families. */

import { type Family, families } from '@cnikit/ip';
import { type Iptables, openIptables, type TableSpec } from '@cnikit/iptables';
import type { RuleAction } from '../core/action.ts';
import { CHAIN_PREFIX } from '../core/names.ts';

export type DesiredRules = Readonly<Record<Family, readonly TableSpec[]>>;

export interface Rules {
  /** What `apply` would change; writes nothing. */
  plan(desired: DesiredRules): RuleAction[];
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
  return {
    plan: (desired) => families.flatMap((family) => planFamily(handle(family), family, desired[family])),
    apply: (desired) =>
      families.flatMap((family) => lines(family, handle(family).ensure(desired[family]).diff)),
  };
}

/** What would have to change for one family; writes nothing. */
export function planFamily(iptables: Iptables, family: Family, tables: readonly TableSpec[]): RuleAction[] {
  return lines(family, iptables.plan(tables).diff);
}

/** The library says `filter: + chain X`; here every line begins with its sign. */
function lines(family: Family, diff: readonly string[]): RuleAction[] {
  return diff.map((line) => ({ kind: 'rule', family, line: line.replace(/^(\w+): (\S) /, '$2 $1 ') }));
}
