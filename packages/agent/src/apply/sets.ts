/**
 * Keeps the destinations that see the address of pods, as one set per family: a node that joins or leaves
 * changes elements of the set, and no rule.
 */

import type { Family } from '@cnikit/ip';
import { type IpSetConnection, openIpSet } from '@cnikit/netlink/ipset';
import type { SetAction } from '../core/action.ts';
import { insideSet } from '../core/names.ts';

/** The ipset requests in use. */
export type SetStore = Pick<IpSetConnection, 'elements' | 'create' | 'change' | 'destroy'>;

export interface Sets {
  /** Returns what `apply` would change. */
  plan(family: Family, wanted: readonly string[] | undefined): SetAction[];
  /**
   * Makes the set have exactly these prefixes; `undefined` removes it. `fresh` reads the set first; otherwise
   * the last reading or write counts. Returns what changed.
   */
  apply(family: Family, wanted: readonly string[] | undefined, fresh: boolean): SetAction[];
}

/** Three elements for each of several hundred thousand nodes. */
const MAX_ELEMENTS = 1_048_576;

/** Returns undefined on a kernel without sets, where rules name the destinations. */
export function openSets(): Sets | undefined {
  const connection = openIpSet();
  if (connection.supported) {
    return createSets(connection);
  }
  connection.close();
  return undefined;
}

export function createSets(store: SetStore): Sets {
  /** Elements of each set, as last read or written. */
  const known = new Map<Family, Set<string> | undefined>();

  const read = (family: Family): Set<string> | undefined => {
    const elements = store.elements({ name: insideSet(family) });
    const have = elements === undefined ? undefined : new Set(elements);
    known.set(family, have);
    return have;
  };

  return {
    plan: (family, wanted) => actions(family, read(family), wanted),
    apply: (family, wanted, fresh) => {
      const have = fresh || !known.has(family) ? read(family) : known.get(family);
      const changes = actions(family, have, wanted);
      if (changes.length === 0) {
        return changes;
      }
      const name = insideSet(family);
      // After a partial failure only a new reading shows the elements.
      known.delete(family);
      if (wanted === undefined) {
        if (!store.destroy({ name })) {
          throw new Error(`set ${name} is in use by a foreign rule`);
        }
        known.set(family, undefined);
        return changes;
      }
      if (have === undefined) {
        store.create({ name, family, maxElements: MAX_ELEMENTS });
      }
      const of = (op: SetAction['op']): string[] =>
        changes.flatMap((change) =>
          change.op === op && change.element !== undefined ? [change.element] : [],
        );
      store.change({ name }, { add: of('add'), remove: of('remove') });
      known.set(family, new Set(wanted));
      return changes;
    },
  };
}

function actions(
  family: Family,
  have: ReadonlySet<string> | undefined,
  wanted: readonly string[] | undefined,
): SetAction[] {
  const set = insideSet(family);
  if (wanted === undefined) {
    return have === undefined ? [] : [{ kind: 'set', op: 'remove', set }];
  }
  const changes: SetAction[] = have === undefined ? [{ kind: 'set', op: 'add', set }] : [];
  const unwanted = new Set(have);
  for (const element of wanted) {
    if (!unwanted.delete(element)) {
      changes.push({ kind: 'set', op: 'add', set, element });
    }
  }
  for (const element of unwanted) {
    changes.push({ kind: 'set', op: 'remove', set, element });
  }
  return changes;
}
