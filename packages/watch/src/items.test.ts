import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseJson } from './incoming-object.ts';
import { ItemSplitter } from './items.ts';
import { LineSplitter } from './lines.ts';

function split(text: string, sizes: number[], limit = 1e6) {
  const items: unknown[] = [];
  const splitter = new ItemSplitter(limit, (item) => items.push(parseJson(item, 'a list')));
  const bytes = Buffer.from(text);
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes.length === 0 ? bytes.length : sizes[turn % sizes.length]!;
    splitter.push(bytes.subarray(at, at + size));
    at += size;
  }
  return { items, envelope: splitter.end() };
}

describe('ItemSplitter', () => {
  test('ItemSplitter yields the items JSON.parse finds for any chunking', () => {
    const item = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue());
    fc.assert(
      fc.property(
        fc.array(item, { maxLength: 6 }),
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.boolean(),
        fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 5 }),
        fc.constantFrom(undefined, 1, '\t'),
        (items, more, itemsFirst, sizes, indent) => {
          const metadata = { resourceVersion: '7', continue: 'xyz', x: more };
          const list = itemsFirst ? { items, metadata } : { kind: 'NodeList', metadata, items };
          const found = split(JSON.stringify(list, null, indent), sizes);
          expect(found.items).toEqual(JSON.parse(JSON.stringify(items)));
          expect(found.envelope.metadata).toMatchObject({ resourceVersion: '7', continue: 'xyz' });
        },
      ),
    );
  });

  test.each([
    ['nothing', ''],
    ['an object that ends too soon', '{"items":[{"a":1}]'],
    ['an item that ends too soon', '{"items":[{"a":1'],
    ['a string that does not end', '{"items":[{"a":"b}]}'],
    ['an item of crossed brackets', '{"items":[{]}'],
    ['items that are not objects', '{"items":[1,2]}'],
    ['a second list of items', '{"items":[],"items":[]}'],
    ['no items at all', '{"metadata":{}}'],
    ['no JSON', '<html></html>'],
    ['too many brackets', '{"items":[]}}'],
    ['an item too large', `{"items":[{"a":"${'x'.repeat(2000)}"}]}`],
    ['an item that never ends', `{"items":[{"a":"${'x'.repeat(5000)}`],
    ['an endless head', `{"metadata":"${'x'.repeat(100_000)}"}`],
  ])('ItemSplitter refuses %s', (_, text) => {
    expect(() => split(text, [100], 1000)).toThrow(expect.objectContaining({ code: 'PROTOCOL' }));
  });

  test('ItemSplitter accepts items that are null', () => {
    expect(split('{"kind":"NodeList","metadata":{"resourceVersion":"1"},"items":null}', []).items).toEqual(
      [],
    );
  });

  test('ItemSplitter ignores keys named items elsewhere', () => {
    const list = { metadata: { items: [{ no: 1 }], note: '"items":[{' }, items: [{ items: [{ yes: 1 }] }] };
    expect(split(JSON.stringify(list), [3]).items).toEqual(list.items);
  });
});

describe('LineSplitter', () => {
  test('LineSplitter yields the same lines for any chunking', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' })), fc.integer({ min: 1, max: 9 }), (raw, size) => {
        const lines = raw.map((line) => line.replaceAll('\n', ''));
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
        const splitter = new LineSplitter(1e6);
        const found: string[] = [];
        for (let at = 0; at < bytes.length; at += size) {
          for (const line of splitter.push(bytes.subarray(at, at + size))) {
            found.push(String(line));
          }
        }
        expect(found).toEqual(lines.map((line) => Buffer.from(line).toString()));
      }),
    );
  });

  test('LineSplitter rejects a line over the limit before it is complete', () => {
    const splitter = new LineSplitter(10);
    expect([...splitter.push(Buffer.from('0123456789\n01234'))].map(String)).toEqual(['0123456789']);
    expect(() => [...splitter.push(Buffer.from('567890'))]).toThrow('more than 10 bytes');
  });
});
