/** Keeps the packet filter rules of both families. */
import { type Iptables, openIptables, type TableSpec } from '@cnikit/iptables';
import { CHAIN_PREFIX } from '../desired/rules.ts';
import type { RuleAction } from '../diff.ts';
import { type Family, families } from '../prefix.ts';

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
  const lines = (family: Family, diff: readonly string[]): RuleAction[] =>
    // The library says `filter: + chain X`; here every line begins with its sign.
    diff.map((line) => ({ kind: 'rule', family, line: line.replace(/^(\w+): (\S) /, '$2 $1 ') }));
  return {
    plan: (desired) => families.flatMap((family) => lines(family, handle(family).plan(desired[family]).diff)),
    apply: (desired) =>
      families.flatMap((family) => lines(family, handle(family).ensure(desired[family]).diff)),
  };
}
