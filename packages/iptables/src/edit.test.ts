import fc from 'fast-check';
import { expect, test } from 'vitest';
import { editScript } from './edit.ts';

/** Applies the steps to a list. Throws for a position that does not exist or that names a new rule. */
function apply(current: readonly string[], desired: readonly string[]): { result: string[]; kept: number } {
  const list: { key: string; old: boolean }[] = current.map((key) => ({ key, old: true }));
  for (const edit of editScript(current, desired).flat()) {
    if (edit.kind === 'append') {
      list.push({ key: desired[edit.item] as string, old: false });
      continue;
    }
    if (list[edit.at - 1]?.old !== true) {
      throw new Error(`Step ${JSON.stringify(edit)} does not name an old rule`);
    }
    if (edit.kind === 'delete') {
      list.splice(edit.at - 1, 1);
    } else {
      list.splice(edit.at - 1, edit.kind === 'replace' ? 1 : 0, {
        key: desired[edit.item] as string,
        old: false,
      });
    }
  }
  return { result: list.map(({ key }) => key), kept: list.filter(({ old }) => old).length };
}

test.each([
  ['abc', 'abc', 0],
  ['', 'abc', 3],
  ['abc', '', 3],
  ['abc', 'axc', 1],
  ['abc', 'ac', 1],
  ['ac', 'abc', 1],
  ['abc', 'xyz', 3],
  ['abcd', 'dabc', 2],
  ['aab', 'aba', 2],
])('editScript() turns "%s" into "%s" in %i steps', (from, to, steps) => {
  expect(editScript([...from], [...to]).flat()).toHaveLength(steps);
  expect(apply([...from], [...to]).result).toEqual([...to]);
});

test('editScript() turns any list into any other and names old rules only', () => {
  const list = fc.array(fc.constantFrom(...'abcdefgh'), { maxLength: 12 });
  fc.assert(
    fc.property(list, list, (current, desired) => {
      expect(apply(current, desired).result).toEqual(desired);
    }),
    { numRuns: 500 },
  );
});

test('editScript() keeps every rule of a list that only grows or shrinks', () => {
  const list = fc.uniqueArray(fc.integer({ min: 0, max: 50 }).map(String), { maxLength: 20 });
  fc.assert(
    fc.property(fc.tuple(list, fc.infiniteStream(fc.boolean())), ([full, choice]) => {
      const some = full.filter(() => choice.next().value as boolean);
      expect(apply(some, full).kept).toBe(some.length);
      expect(apply(full, some).kept).toBe(some.length);
    }),
  );
});
