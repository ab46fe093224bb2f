/**
 * Keeps the nftables table of the packet filter: reads it, and changes what differs in one transaction. A node that
 * joins or leaves changes elements only.
 */

import type { RuleAction, SetAction } from '../core/action.ts';
import {
  canonical,
  type FilterChain,
  type FilterSet,
  type FilterTable,
  hookText,
  type PresentTable,
  presentOf,
} from '../core/filter-table.ts';
import { FILTER_TABLE } from '../core/names.ts';

/** One step of a transaction. */
export type TableChange =
  /** Creates the table with everything, in place of the one that exists. */
  | { op: 'replace'; table: FilterTable; exists: boolean }
  | { op: 'remove' }
  /** Replaces the rules of a chain. */
  | { op: 'rules'; chain: FilterChain }
  | { op: 'elements'; set: FilterSet; add: readonly string[]; remove: readonly string[] };

/** Access to the table in the kernel. */
export interface TableStore {
  /** Returns the table; undefined when it does not exist. */
  read(): PresentTable | undefined;
  /** Applies all changes or none. */
  commit(changes: readonly TableChange[]): void;
}

export type TableAction = RuleAction | SetAction;

export interface NftFilter {
  /** Returns what `apply` would change. */
  plan(wanted: FilterTable | undefined): TableAction[];
  /**
   * Makes the table match; `undefined` removes it. `fresh` reads it first; otherwise the last reading or write counts.
   * Returns what changed.
   */
  apply(wanted: FilterTable | undefined, fresh: boolean): TableAction[];
}

export function createNftFilter(store: TableStore): NftFilter {
  /** The table as last read or written. */
  let known: { table: PresentTable | undefined } | undefined;

  const settle = (wanted: FilterTable | undefined, fresh: boolean): TableAction[] => {
    const have = fresh || known === undefined ? store.read() : known.table;
    known = undefined;
    const { changes, actions } = compare(have, wanted);
    if (changes.length > 0) {
      store.commit(changes);
    }
    known = { table: wanted && presentOf(wanted) };
    return actions;
  };

  return {
    plan: (wanted) => compare(store.read(), wanted).actions,
    apply: (wanted, fresh) => {
      try {
        return settle(wanted, fresh);
      } catch (error) {
        if (fresh) {
          throw error;
        }
        // Another program changed the table since it was read.
        return settle(wanted, true);
      }
    },
  };
}

interface Comparison {
  changes: TableChange[];
  actions: TableAction[];
}

function compare(have: PresentTable | undefined, want: FilterTable | undefined): Comparison {
  if (want === undefined) {
    return have === undefined
      ? { changes: [], actions: [] }
      : { changes: [{ op: 'remove' }], actions: [line('-', `table ${FILTER_TABLE}`)] };
  }
  if (have === undefined) {
    const actions = [
      line('+', `table ${FILTER_TABLE}`),
      ...want.chains.flatMap(({ name, rules }) => rules.map(({ text }) => line('+', `${name} ${text}`))),
      ...want.sets.flatMap(({ name, elements }) => elements.map((element) => setLine('add', name, element))),
    ];
    return { changes: [{ op: 'replace', table: want, exists: false }], actions };
  }
  const changes: TableChange[] = [];
  const actions: TableAction[] = [];
  for (const chain of want.chains) {
    const rules = have.chains.get(chain.name)?.rules ?? [];
    const wanted = chain.rules.map(({ expressions }) => canonical(expressions));
    if (rules.length === wanted.length && rules.every((rule, i) => rule === wanted[i])) {
      continue;
    }
    changes.push({ op: 'rules', chain });
    const kept = new Set(rules);
    const missing = chain.rules.filter((_, i) => !kept.has(wanted[i]!));
    const foreign = rules.filter((rule) => !wanted.includes(rule)).length;
    actions.push(
      ...missing.map(({ text }) => line('+', `${chain.name} ${text}`)),
      ...(foreign > 0 ? [line('-', `${chain.name} ${foreign} unknown rules`)] : []),
      ...(missing.length + foreign === 0 ? [line('-', `${chain.name} repeated or reordered rules`)] : []),
    );
  }
  for (const set of want.sets) {
    const unwanted = new Set(have.sets.get(set.name)?.elements);
    const add = set.elements.filter((element) => !unwanted.delete(element));
    if (add.length + unwanted.size > 0) {
      const remove = [...unwanted];
      changes.push({ op: 'elements', set, add, remove });
      actions.push(
        ...add.map((element) => setLine('add', set.name, element)),
        ...remove.map((element) => setLine('remove', set.name, element)),
      );
    }
  }
  const misshapen = shapeDifference(have, want);
  return misshapen === undefined
    ? { changes, actions }
    : {
        changes: [{ op: 'replace', table: want, exists: true }],
        actions: [line('-', misshapen), ...actions],
      };
}

/**
 * Returns an object of the table that is unknown, missing or of another kind, or the flag that disables the table. Then
 * the whole table is replaced.
 */
function shapeDifference(have: PresentTable, want: FilterTable): string | undefined {
  if (have.dormant) {
    return 'flag dormant';
  }
  const names = (objects: Iterable<string>, kind: string): string[] =>
    [...objects].map((name) => `${kind} ${name}`);
  const expected = new Map<string, string>([
    ...want.sets.map(({ name, key }) => [`set ${name}`, key] as const),
    ...want.chains.map(({ name, hook }) => [`chain ${name}`, hookText(hook)] as const),
  ]);
  const found = new Map<string, string>([
    ...[...have.sets].map(([name, { key }]) => [`set ${name}`, key] as const),
    ...[...have.chains].map(([name, { hook }]) => [`chain ${name}`, hook] as const),
  ]);
  return [...names(have.sets.keys(), 'set'), ...names(have.chains.keys(), 'chain'), ...expected.keys()].find(
    (name) => found.get(name) !== expected.get(name),
  );
}

const line = (sign: '+' | '-', text: string): RuleAction => ({
  kind: 'rule',
  family: 'inet',
  line: `${sign} ${text.startsWith('table ') ? text : `${FILTER_TABLE} ${text}`}`,
});

const setLine = (op: SetAction['op'], set: string, element: string): SetAction => ({
  kind: 'set',
  op,
  set: `inet ${FILTER_TABLE} ${set}`,
  element,
});
