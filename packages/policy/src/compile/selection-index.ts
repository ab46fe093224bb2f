import { type LabelSelector, type Labels, matches } from '../labels.ts';
import type { Selection } from './policy-rules.ts';

/** A selection in use. */
export interface IndexedSelection {
  number: number;
  selection: Selection;
}

/**
 * Selections by the labels that they require, so that a pod is compared with those only that can take it: by namespace
 * name or one label of the namespace, then by one label of the pod.
 */
export class SelectionIndex {
  readonly #buckets = new Map<string, Map<string, Set<IndexedSelection>>>();

  add(indexed: IndexedSelection): void {
    const [outer, inner] = keysOf(indexed.selection);
    const bucket = this.#buckets.get(outer) ?? new Map<string, Set<IndexedSelection>>();
    this.#buckets.set(outer, bucket);
    bucket.set(inner, (bucket.get(inner) ?? new Set()).add(indexed));
  }

  delete(indexed: IndexedSelection): void {
    const [outer, inner] = keysOf(indexed.selection);
    const bucket = this.#buckets.get(outer);
    const selections = bucket?.get(inner);
    if (!bucket || !selections?.delete(indexed) || selections.size > 0) {
      return;
    }
    bucket.delete(inner);
    if (bucket.size === 0) {
      this.#buckets.delete(outer);
    }
  }

  /** Returns the numbers of the selections that take a pod. */
  taking(namespace: string, namespaceLabels: Labels, podLabels: Labels): number[] {
    const inner = [ANY, ...Object.entries(podLabels).map(pairKey)];
    const outer = [ANY, nameKey(namespace), ...Object.entries(namespaceLabels).map(pairKey)];
    const numbers: number[] = [];
    for (const key of outer) {
      const bucket = this.#buckets.get(key);
      for (const label of bucket ? inner : []) {
        for (const { number, selection } of bucket!.get(label) ?? []) {
          if (takes(selection, namespace, namespaceLabels, podLabels)) {
            numbers.push(number);
          }
        }
      }
    }
    return numbers;
  }
}

/** Returns whether a selection takes a pod with these labels. */
export function takes(
  { namespace, podSelector }: Selection,
  podNamespace: string,
  namespaceLabels: Labels,
  podLabels: Labels,
): boolean {
  const inNamespace =
    typeof namespace === 'string' ? namespace === podNamespace : matches(namespace, namespaceLabels);
  return inNamespace && matches(podSelector, podLabels);
}

const ANY = '';
const nameKey = (namespace: string) => `namespace ${namespace}`;
const pairKey = ([key, value]: [string, string]) => `label ${key}=${value}`;

function keysOf({ namespace, podSelector }: Selection): [outer: string, inner: string] {
  return [typeof namespace === 'string' ? nameKey(namespace) : required(namespace), required(podSelector)];
}

/** Returns the key of a label that the selector requires with one value. */
function required({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string {
  const [pair] = Object.entries(matchLabels);
  if (pair) {
    return pairKey(pair);
  }
  const single = matchExpressions.find(
    ({ operator, values }) => operator === 'In' && new Set(values).size === 1,
  );
  return single ? pairKey([single.key, single.values![0]!]) : ANY;
}
