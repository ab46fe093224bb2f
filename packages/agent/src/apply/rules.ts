/** Keeps the packet filter rules of both families. */
import { type Iptables, openIptables, type TableSpec } from '@cnikit/iptables';
import { FORWARD_CHAIN, MASQUERADE_CHAIN, POSTROUTING_CHAIN } from '../desired/rules.ts';
import type { RuleAction } from '../diff.ts';
import { type Family, families } from '../prefix.ts';

export type DesiredRules = Readonly<Record<Family, readonly TableSpec[]>>;

export interface Rules {
  /** What `apply` would change; writes nothing. */
  plan(desired: DesiredRules): RuleAction[];
  /** Reads, and writes only when something differs; returns what changed. */
  apply(desired: DesiredRules): RuleAction[];
}

/** No rule at all: what `cleanup` wants. */
export const noRules: DesiredRules = { ipv4: [], ipv6: [] };

/** Every chain the agent ever makes, empty: naming them is enough to remove them. */
const ownTables: readonly TableSpec[] = [
  { table: 'filter', chains: { [FORWARD_CHAIN]: [] } },
  { table: 'nat', chains: { [POSTROUTING_CHAIN]: [], [MASQUERADE_CHAIN]: [] } },
];

export function createRules(
  open: (family: Family) => Iptables = (family) => openIptables({ family }),
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
    plan: (desired) =>
      families.flatMap((family) => {
        const tables = desired[family];
        // A removal has no dry run; a family without pods is rare enough to show nothing here.
        return tables.length === 0 ? [] : lines(family, handle(family).plan(tables).diff);
      }),
    apply: (desired) =>
      families.flatMap((family) => {
        const tables = desired[family];
        const outcome =
          tables.length === 0 ? handle(family).remove(ownTables) : handle(family).ensure(tables);
        return lines(family, outcome.diff);
      }),
  };
}
