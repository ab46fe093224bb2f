import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { jsonEqual } from './equal.ts';
import { compareResourceVersions, isNewer } from './resource-version.ts';
import { type Entry, ObjectStore } from './store.ts';

const entry = (rv: number, value: unknown = rv, uid = 'u'): Entry<unknown> => ({
  uid,
  resourceVersion: String(rv),
  digest: undefined,
  value,
});
const known = () => {
  const state = new ObjectStore<unknown>(jsonEqual);
  state.replace(new Map([['a', entry(5)]]), '10');
  return state;
};
const put = (state: ObjectStore<unknown>, name: string, next: Entry<unknown>) =>
  state.put(name, next, () => next.value);
const types = (changes: { type: string }[]) => changes.map((c) => c.type).join(' ');

describe('ObjectStore', () => {
  test.each([
    ['a newer version', entry(11), 'modified'],
    ['a newer version with the same value', entry(11, 5), ''],
    ['the same event again', entry(5), ''],
    ['an older event', entry(4), ''],
    ['another uid', entry(11, 11, 'v'), 'deleted added'],
    ['an older event of another uid', entry(4, 4, 'v'), ''],
  ])('put() reports the changes of %s', (_, next, expected) => {
    expect(types(put(known(), 'a', next))).toBe(expected);
  });

  test('ObjectStore.put() ignores an event older than a list without the object', () => {
    expect(types(put(known(), 'b', entry(9)))).toBe('');
    expect(types(put(known(), 'b', entry(11)))).toBe('added');
  });

  test('ObjectStore.put() does not bring back an object deleted later', () => {
    const state = known();
    expect(types(state.delete('a', '20'))).toBe('deleted');
    expect(types(state.delete('a', '20'))).toBe('');
    expect(types(put(state, 'a', entry(19)))).toBe('');
    expect(types(put(state, 'a', entry(21, 1, 'v')))).toBe('added');
    expect(types(state.delete('a', '20'))).toBe('');
  });

  test('ObjectStore.delete() takes a deletion with the version that it knows', () => {
    const state = known();
    put(state, 'a', entry(20));
    expect(types(state.delete('a', '19'))).toBe('');
    expect(types(state.delete('a', '20'))).toBe('deleted');
    expect(types(put(state, 'a', entry(20)))).toBe('');
  });

  test('ObjectStore ends with the newest state for repeated and reordered events', () => {
    const history = fc.array(fc.record({ name: fc.constantFrom('a', 'b', 'c'), gone: fc.boolean() }), {
      maxLength: 20,
    });
    fc.assert(
      fc.property(history, fc.infiniteStream(fc.nat()), (events, random) => {
        const numbered = events.map((event, at) => ({ ...event, rv: 11 + at }));
        const truth = new Map<string, number>();
        for (const { name, gone, rv } of numbered) {
          if (gone) {
            truth.delete(name);
          } else {
            truth.set(name, rv);
          }
        }
        const state = new ObjectStore<unknown>(jsonEqual);
        state.replace(new Map(), '10');
        const order = [...numbered, ...numbered.slice(0, 7)].map((event) => ({
          event,
          key: random.next().value!,
        }));
        order.sort((x, y) => x.key - y.key);
        const copy = new Map<string, unknown>();
        for (const { event } of order) {
          const { name, rv } = event;
          const changes = event.gone ? state.delete(name, String(rv)) : put(state, name, entry(rv));
          for (const change of changes) {
            expect(copy.has(change.name)).toBe(change.type !== 'added');
            if (change.type === 'deleted') {
              copy.delete(change.name);
            } else {
              copy.set(change.name, change.object);
            }
          }
        }
        expect(state.values()).toEqual(copy);
        expect(copy).toEqual(truth);
      }),
    );
  });
});

describe('compareResourceVersions()', () => {
  test.each([
    ['9', '10', -1],
    ['10', '10', 0],
    ['18446744073709551616', '9999', 1],
    ['0', '1', -1],
  ])('compareResourceVersions(%j, %j) has the sign %i', (a, b, sign) => {
    expect(Math.sign(compareResourceVersions(a, b)!)).toBe(sign);
  });

  test('compareResourceVersions() returns undefined for non-numbers, which isNewer() treats as newer', () => {
    expect(compareResourceVersions('abc', '1')).toBeUndefined();
    expect(compareResourceVersions('01', '1')).toBeUndefined();
    expect(isNewer('abc', 'abd')).toBe(true);
    expect(isNewer('abc', 'abc')).toBe(false);
  });
});

describe('jsonEqual()', () => {
  test('jsonEqual() agrees with the JSON text of values with sorted keys', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        const text = (value: unknown) =>
          JSON.stringify(value, (_, v) =>
            v !== null && typeof v === 'object' && !Array.isArray(v)
              ? Object.fromEntries(Object.entries(v).sort(([left], [right]) => (left < right ? -1 : 1)))
              : v,
          );
        expect(jsonEqual(a, JSON.parse(JSON.stringify(a)))).toBe(true);
        expect(jsonEqual(a, b)).toBe(text(a) === text(b));
      }),
    );
    expect(jsonEqual({ a: 1 }, { a: 1, b: undefined })).toBe(true);
    expect(jsonEqual({ a: undefined }, { b: 1 })).toBe(false);
    expect(jsonEqual([1], { 0: 1 })).toBe(false);
  });

  test.each(['constructor', 'toString', '__proto__'])('jsonEqual() notices the key %s', (key) => {
    const labels: unknown = JSON.parse(`{"${key}":{}}`);
    expect(jsonEqual({}, labels)).toBe(false);
    expect(jsonEqual(labels, {})).toBe(false);
    expect(jsonEqual(labels, JSON.parse(`{"${key}":{}}`))).toBe(true);
  });
});
