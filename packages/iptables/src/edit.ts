/** One step on a chain. Positions count from 1 at the time of the step, as in iptables. */
export type Edit =
  | { readonly kind: 'insert'; readonly at: number; readonly item: number }
  | { readonly kind: 'append'; readonly item: number }
  | { readonly kind: 'replace'; readonly at: number; readonly item: number }
  | { readonly kind: 'delete'; readonly at: number };

/** Pairs the k-th occurrence of a key in both lists: `pairs[i]` is the index of `current[i]` in `desired`. */
function pairUp(current: readonly string[], desired: readonly string[]): (number | undefined)[] {
  const places = new Map<string, number[]>();
  for (let i = desired.length - 1; i >= 0; i--) {
    const key = desired[i] as string;
    const list = places.get(key);
    if (list === undefined) {
      places.set(key, [i]);
    } else {
      list.push(i);
    }
  }
  return current.map((key) => places.get(key)?.pop());
}

/**
 * Returns the indices of a longest increasing subsequence of the pairs: the rules that can stay. O(n log n).
 */
function longestIncreasing(pairs: readonly (number | undefined)[]): number[] {
  const tails: number[] = [];
  const before: number[] = [];
  pairs.forEach((value, i) => {
    if (value === undefined) {
      return;
    }
    let low = 0;
    let high = tails.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((pairs[tails[middle] as number] as number) < value) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    before[i] = low === 0 ? -1 : (tails[low - 1] as number);
    tails[low] = i;
  });
  const kept: number[] = [];
  for (let i = tails.at(-1) ?? -1; i >= 0; i = before[i] as number) {
    kept.push(i);
  }
  return kept.reverse();
}

/**
 * Returns the steps that turn one list into the other without touching the rules that stay, so that these
 * keep their counters. Each group of steps changes one place. Groups go from the end of the list to its
 * start, so every position names a rule that existed before, which all versions of iptables resolve alike.
 */
export function editScript(current: readonly string[], desired: readonly string[]): Edit[][] {
  const pairs = pairUp(current, desired);
  const kept = longestIncreasing(pairs);
  const groups: Edit[][] = [];
  let oldEnd = current.length;
  let newEnd = desired.length;
  for (let k = kept.length - 1; k >= -1; k--) {
    const oldKept = k < 0 ? -1 : (kept[k] as number);
    const newKept = k < 0 ? -1 : (pairs[oldKept] as number);
    const oldStart = oldKept + 1;
    const newStart = newKept + 1;
    const both = Math.min(oldEnd - oldStart, newEnd - newStart);
    const edits: Edit[] = [];
    for (let i = 0; i < both; i++) {
      edits.push({ kind: 'replace', at: oldStart + i + 1, item: newStart + i });
    }
    for (let at = oldEnd; at > oldStart + both; at--) {
      edits.push({ kind: 'delete', at });
    }
    for (let item = newStart + both; item < newEnd; item++) {
      if (oldEnd === current.length) {
        edits.push({ kind: 'append', item });
      } else {
        edits.push({ kind: 'insert', at: oldStart + (item - newStart) + 1, item });
      }
    }
    if (edits.length > 0) {
      groups.push(edits);
    }
    oldEnd = oldKept;
    newEnd = newKept;
  }
  return groups;
}
