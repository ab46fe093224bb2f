import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FieldReader, type Fields, type Marks } from './fields.ts';

/** Reference implementation of FieldReader on parsed values. */
function pick(value: unknown, fields: Fields, inArray = false): unknown {
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  if (Array.isArray(value)) {
    return inArray ? value : value.map((one) => pick(one, fields, true));
  }
  const entries = Object.entries(value).filter(([key]) => Object.hasOwn(fields, key));
  return Object.fromEntries(
    entries.map(([key, one]) => [key, fields[key] === true ? one : pick(one, fields[key] as Fields)]),
  );
}

/** Keys without backslashes: V8 (Node 24) confuses "\\u0062" with a key "\\" seen before, so JSON.parse cannot serve as oracle. */
const key = fc
  .oneof(
    { weight: 3, arbitrary: fc.constantFrom('a', 'b', 'ab', 'é', '"', '__proto__', '') },
    { weight: 1, arbitrary: fc.string({ unit: 'grapheme' }) },
  )
  .filter((text) => !text.includes('\\'));
const { fields } = fc.letrec<{ fields: Fields }>((tie) => ({
  fields: fc.dictionary(key, fc.oneof({ maxDepth: 2 }, fc.constant(true as const), tie('fields')), {
    maxKeys: 4,
  }),
}));
/** Any code point but surrogates. The unit `binary` of fast-check is the same, and takes a second to make. */
const codePoint = fc
  .oneof(fc.integer({ min: 0, max: 0xd7ff }), fc.integer({ min: 0xe000, max: 0x10ffff }))
  .map((point) => String.fromCodePoint(point));
const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4 },
    fc.oneof(fc.string({ unit: codePoint }), key, fc.double(), fc.integer(), fc.boolean(), fc.constant(null)),
    fc.array(tie('json'), { maxLength: 3 }),
    fc.dictionary(key, tie('json'), { maxKeys: 5 }),
  ),
}));

/** JSON text of a value with random white space and random escapes. */
function textOf(value: unknown, random: () => number): string {
  const space = (): string => ['', '', '', ' ', '\n', '\t\r'][random() % 6]!;
  const string = (text: string): string =>
    [...JSON.stringify(text)]
      .map((char, at, all) => {
        const plain = at > 0 && at < all.length - 1 && all[at - 1] !== '\\' && /^[a-z]$/.test(char);
        // Skip letters and digits that belong to an escape.
        const free = plain && !/\\(?:u[0-9a-f]{0,3})?$/.test(all.slice(0, at).join(''));
        return free && random() % 4 === 0 ? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}` : char;
      })
      .join('');
  const write = (one: unknown): string => {
    if (typeof one === 'string') {
      return string(one);
    }
    if (typeof one !== 'object' || one === null) {
      return JSON.stringify(one) ?? 'null';
    }
    const parts = Array.isArray(one)
      ? one.map((each) => space() + write(each) + space())
      : Object.entries(one).map(
          ([k, each]) => `${space()}${string(k)}${space()}:${space()}${write(each)}${space()}`,
        );
    return Array.isArray(one) ? `[${space()}${parts.join(',')}]` : `{${space()}${parts.join(',')}}`;
  };
  return space() + write(value) + space();
}

const randomly = (seed: fc.Stream<number>) => () => seed.next().value as number;

function read(text: string | Buffer, wanted: Fields, marks?: Marks): FieldReader {
  const reader = new FieldReader(wanted, marks);
  reader.read(Buffer.from(text as string));
  return reader;
}

describe('FieldReader', () => {
  test('FieldReader extracts the requested fields from any JSON', () => {
    fc.assert(
      fc.property(json, fields, fc.infiniteStream(fc.nat()), (value, wanted, seed) => {
        const text = textOf(value, randomly(seed));
        expect(read(text, wanted).value()).toEqual(pick(JSON.parse(text), wanted));
      }),
      { numRuns: 2000 },
    );
  });

  test('FieldReader accepts and rejects exactly what JSON.parse does', () => {
    const piece = fc.constantFrom(
      ...['{', '}', '[', ']', ',', ':', '"', '"a"', '"b"', '\\', '\\u12', 'u', 'e', '-', '+', '.', '0', '1'],
      ...[
        '12',
        '1e5',
        'true',
        'false',
        'null',
        'nul',
        ' ',
        '\n',
        '\u000b',
        '\u0000',
        '\ufeff',
        'é',
        '{"a":',
        '"a":[',
        'x',
      ],
    );
    const broken = fc.tuple(json, fc.nat(), fc.nat({ max: 3 }), piece).map(([value, at, length, more]) => {
      const text = JSON.stringify(value) ?? 'null';
      const from = at % (text.length + 1);
      return text.slice(0, from) + more + text.slice(from + length);
    });
    const text = fc.oneof(
      fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
      broken,
    );
    const takes = (body: () => unknown): boolean => {
      try {
        body();
        return true;
      } catch (error) {
        expect(error).toBeInstanceOf(SyntaxError);
        return false;
      }
    };
    fc.assert(
      fc.property(text, fields, (input, wanted) => {
        const bytes = Buffer.from(input);
        const expected = takes(() => JSON.parse(bytes.toString()));
        return takes(() => read(bytes, wanted)) === expected;
      }),
      { numRuns: 5000 },
    );
  });

  test('FieldReader decodes invalid UTF-8 like Buffer.toString()', () => {
    const bytes = Buffer.from([...Buffer.from('{"a":"'), 0xff, 0xc3, ...Buffer.from('"}')]);
    expect(read(bytes, { a: true }).value()).toEqual(JSON.parse(bytes.toString()));
  });

  test('FieldReader recognises keys with backslashes', () => {
    expect(read('{"\\\\":1,"\\\\\\\\":2,"\\u005c\\n":3}', { '\\': true, '\\\n': true }).value()).toEqual({
      '\\': 1,
      '\\\n': 3,
    });
  });

  test('FieldReader skips values nested deeper than the call stack', () => {
    const deep = `${'['.repeat(1e6)}${']'.repeat(1e6)}`;
    expect(read(`{"a":${deep},"b":1}`, { b: true }).value()).toEqual({ b: 1 });
  });

  test.each<[string, string, Marks, (string | undefined)[]]>([
    ['strings, with escapes', '{"a":{"b":"x\\u0041"},"c":"é"}', { a: { b: 0 }, c: 1 }, ['xA', 'é']],
    ['nothing else', '{"a":1,"b":{},"c":null}', { a: 0, b: 1, c: 2 }, [undefined, undefined, undefined]],
    ['nothing where there is none', '{"x":{"a":"1"}}', { a: 0 }, [undefined]],
    ['the last of a key', '{"a":{"b":"1"},"a":{"b":"2"}}', { a: { b: 0 } }, ['2']],
    ['the last of a key, though it has less', '{"a":{"b":"1"},"a":{}}', { a: { b: 0 } }, [undefined]],
    ['nothing in arrays', '{"a":[{"b":"1"}]}', { a: { b: 0 } }, [undefined]],
  ])('FieldReader marks %s', (_, text, marks, expected) => {
    for (const wanted of [{}, { a: true }, { a: { x: true } }] as Fields[]) {
      const reader = read(text, wanted, marks);
      expect(expected.map((_value, mark) => reader.text(mark))).toEqual(expected);
      expect(reader.value()).toEqual(pick(JSON.parse(text), wanted));
    }
  });

  test('FieldReader.digest() is equal exactly for equal requested fields', () => {
    const digest = (text: string) => read(text, { a: { b: true } }).digest();
    expect(digest('{"a":{"b":1,"c":2},"d":3}')).toBe(digest('{"d":4,"a":{"c":[],"b":1}}'));
    expect(digest('{"a":{"b":1}}')).not.toBe(digest('{"a":{"b":2}}'));
    expect(digest('{"a":{"b":1}}')).not.toBe(digest('{"a":{}}'));
  });

  test('FieldReader reads the value of a root key and its marks', () => {
    const event = new FieldReader({ object: { a: true } }, { type: 0, object: { b: 1 } }, 'object');
    event.read(Buffer.from('{"object":{"a":0},"type":"T","object":{"a":1,"b":"B","c":2},"x":{}}'));
    expect([event.value(), event.text(0), event.text(1)]).toEqual([{ a: 1 }, 'T', 'B']);
    expect(event.digest()).toBe(read('{"b":3,"a":1}', { a: true }).digest());
  });
});
