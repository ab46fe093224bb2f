import { expect, test } from 'vitest';
import { jsonPatch } from './json-patch.ts';

const doc = { a: 1, list: ['x', 'y'], deep: { 'k/1': true, 'k~2': null } };

test.each([
  ['add', [{ op: 'add', path: '/b', value: { c: 2 } }], { ...doc, b: { c: 2 } }],
  ['add of null', [{ op: 'add', path: '/a', value: null }], { ...doc, a: null }],
  ['add into a list', [{ op: 'add', path: '/list/1', value: 'z' }], { ...doc, list: ['x', 'z', 'y'] }],
  ['add at the end', [{ op: 'add', path: '/list/-', value: 'z' }], { ...doc, list: ['x', 'y', 'z'] }],
  ['add of a whole document', [{ op: 'add', path: '', value: 7 }], 7],
  ['remove', [{ op: 'remove', path: '/list/0' }], { ...doc, list: ['y'] }],
  ['remove with escapes', [{ op: 'remove', path: '/deep/k~11' }], { ...doc, deep: { 'k~2': null } }],
  ['remove of null', [{ op: 'remove', path: '/deep/k~02' }], { ...doc, deep: { 'k/1': true } }],
  ['replace', [{ op: 'replace', path: '/list/1', value: 2 }], { ...doc, list: ['x', 2] }],
  ['move', [{ op: 'move', from: '/list/0', path: '/list/1' }], { ...doc, list: ['y', 'x'] }],
  ['copy', [{ op: 'copy', from: '/list', path: '/b' }], { ...doc, b: ['x', 'y'] }],
  ['test', [{ op: 'test', path: '/list', value: ['x', 'y'] }], doc],
])('jsonPatch() applies %s', (_, patch, expected) => {
  const before = structuredClone(doc);
  expect(jsonPatch(doc, patch)).toEqual(expected);
  expect(doc).toEqual(before);
});

test.each([
  ['a patch that is not a list', {}, 400],
  ['an unknown operation', [{ op: 'merge', path: '/a' }], 400],
  ['an operation without a path', [{ op: 'remove' }], 400],
  ['a move without from', [{ op: 'move', path: '/a' }], 400],
  ['null', [null], 400],
  ['10,001 operations', Array.from({ length: 10_001 }, () => ({ op: 'test', path: '/a', value: 1 })), 413],
  ['the removal of a missing value', [{ op: 'remove', path: '/none' }], 422],
  ['the replacement of a missing value', [{ op: 'replace', path: '/none', value: 1 }], 422],
  ['a missing parent', [{ op: 'add', path: '/none/x', value: 1 }], 422],
  ['a position beyond the end', [{ op: 'add', path: '/list/3', value: 1 }], 422],
  ['a position with a leading zero', [{ op: 'add', path: '/list/01', value: 1 }], 422],
  ['the length of a list', [{ op: 'remove', path: '/list/length' }], 422],
  ['a test that differs', [{ op: 'test', path: '/a', value: 2 }], 422],
  ['a path without a slash', [{ op: 'add', path: 'a', value: 2 }], 422],
  ['a move into itself', [{ op: 'move', from: '/deep', path: '/deep/x' }], 422],
  ['an inherited property', [{ op: 'test', path: '/constructor', value: 1 }], 422],
])('jsonPatch() refuses %s', (_, patch, code) => {
  expect(() => jsonPatch(doc, patch)).toThrow(expect.objectContaining({ code }));
});

test('jsonPatch() does not change a prototype', () => {
  const patched = jsonPatch({}, [{ op: 'add', path: '/__proto__', value: { polluted: true } }]) as object;
  expect('polluted' in patched).toBe(false);
  expect(Object.hasOwn(patched, '__proto__')).toBe(true);
});
