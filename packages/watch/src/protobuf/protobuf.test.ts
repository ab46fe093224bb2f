import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { IncomingObject } from '../incoming-object.ts';
import { itemReader } from '../incoming-object.ts';
import { readStatus, unwrap } from './envelope.ts';
import { protobufEventReader } from './events.ts';
import { FrameSplitter } from './frames.ts';
import { ProtobufListReader } from './items.ts';
import { fieldsOf, type Message } from './message.ts';
import { MessageReader } from './reader.ts';
import { find, ProtobufError } from './wire.ts';

const golden = JSON.parse(
  readFileSync(new URL('../../test/goldens/protobuf.json', import.meta.url), 'utf8'),
) as {
  list: { json: { metadata: object; items: object[] }; protobuf: string };
  watch: {
    json: { type: string; object: { metadata: { name?: string; resourceVersion: string } } }[];
    protobuf: string;
  };
  error: { message: string; protobuf: string };
};
const bytesOf = (base64: string): Buffer => Buffer.from(base64, 'base64');

const NODE: Message = {
  metadata: [
    1,
    { name: [1, 'string'], creationTimestamp: [8, 'time'], finalizers: [14, 'string', 'repeated'] },
  ],
  spec: [
    2,
    {
      podCIDR: [1, 'string'],
      podCIDRs: [7, 'string', 'repeated'],
      taints: [5, { key: [1, 'string'], timeAdded: [4, 'time'] }, 'repeated'],
    },
  ],
  status: [
    3,
    {
      conditions: [4, { type: [1, 'string'], status: [2, 'string'] }, 'repeated'],
      daemonEndpoints: [6, { kubeletEndpoint: [1, { Port: [1, 'int'] }] }],
    },
  ],
};

type Item = Pick<IncomingObject, 'name' | 'uid' | 'resourceVersion'> & { object: unknown };
const plain = ({ name, uid, resourceVersion, object }: IncomingObject): Item => ({
  name,
  uid,
  resourceVersion,
  object: object(),
});
const fromJson = (object: unknown): Item =>
  plain(itemReader(fieldsOf(NODE))(Buffer.from(JSON.stringify(object))));

function readList(chunks: readonly Buffer[], limit = 1e6): { items: Item[]; envelope: unknown } {
  const items: Item[] = [];
  const reader = new ProtobufListReader(NODE, limit, (object) => items.push(plain(object)));
  for (const chunk of chunks) {
    reader.push(chunk);
  }
  return { envelope: reader.end(), items };
}

function readWatch(chunks: readonly Buffer[], limit = 1e6): unknown[] {
  const splitter = new FrameSplitter(limit);
  const read = protobufEventReader(NODE);
  return chunks.flatMap((chunk) =>
    [...splitter.push(chunk)].map((frame) => {
      const event = read(frame)!;
      return 'object' in event ? { type: event.type, ...plain(event) } : event;
    }),
  );
}

describe('a list of kube-apiserver', () => {
  const bytes = bytesOf(golden.list.protobuf);
  const expected = {
    envelope: { metadata: golden.list.json.metadata },
    items: golden.list.json.items.map(fromJson),
  };

  test('ProtobufListReader reads what the JSON says', () => {
    expect(readList([bytes])).toEqual(expected);
    expect(expected.items[0]).toMatchObject({
      object: { spec: { podCIDRs: ['10.244.1.0/24', 'fd00:10:244:1::/64'] } },
    });
  });

  test('ProtobufListReader reads the same from chunks split anywhere', () => {
    for (let at = 0; at <= bytes.length; at += 1) {
      expect(readList([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(expected);
    }
    expect(readList([...bytes].map((byte) => Buffer.of(byte)))).toEqual(expected);
  });

  test('ProtobufListReader refuses a list that ends early', () => {
    const listEnd = bytes.length - 4;
    for (let at = 0; at < listEnd; at += 1) {
      expect(() => readList([bytes.subarray(0, at)])).toThrow('no end');
    }
  });

  test('ProtobufListReader reads or refuses a list with any byte changed', () => {
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1 << (at % 8);
      outcome(() => readList([changed]));
    }
  });

  test('ProtobufListReader refuses an object over the limit before it has arrived', () => {
    expect(() => readList([bytes.subarray(0, 60)], 900)).toThrow('an object of more than 900 bytes');
  });
});

describe('a watch of kube-apiserver', () => {
  const bytes = bytesOf(golden.watch.protobuf);
  const expected = golden.watch.json.map(({ type, object }) =>
    type === 'BOOKMARK'
      ? { type, resourceVersion: object.metadata.resourceVersion }
      : { type, ...fromJson(object) },
  );

  test('protobufEventReader() reads what the JSON says', () => {
    expect(expected.map(({ type }) => type)).toEqual(['MODIFIED', 'DELETED', 'BOOKMARK', 'BOOKMARK']);
    expect(readWatch([bytes])).toEqual(expected);
  });

  test('FrameSplitter splits the same frames from chunks split anywhere', () => {
    for (let at = 0; at <= bytes.length; at += 1) {
      expect(readWatch([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(expected);
    }
    expect(readWatch([...bytes].map((byte) => Buffer.of(byte)))).toEqual(expected);
  });

  test('protobufEventReader() reads or refuses events with any byte changed', () => {
    for (let at = 4; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1 << (at % 8);
      outcome(() => readWatch([changed]));
    }
  });

  test('FrameSplitter refuses a frame over the limit and passes on an empty one', () => {
    expect(() => readWatch([bytes.subarray(0, 4)], 1000)).toThrow('an event of more than 1000 bytes');
    const frames = [...new FrameSplitter(10).push(Buffer.from([0, 0, 0, 0, 0, 0, 0, 1, 7]))];
    expect(frames.map((frame) => [...frame])).toEqual([[], [7]]);
  });

  test('protobufEventReader() refuses events without type, object or version', () => {
    const read = protobufEventReader(NODE);
    const unknown = Buffer.from('k8s\0\x12\0');
    expect(() => read(Buffer.alloc(0))).toThrow('an event that is not protobuf');
    expect(() => read(event('ADDED', Buffer.from('json')))).toThrow('an event that is not protobuf');
    expect(() => read(event('ADDED', unknown))).toThrow('ADDED without name or version');
    expect(() => read(event('BOOKMARK', unknown))).toThrow('a bookmark without resourceVersion');
    expect(() => read(event('OTHER', unknown))).toThrow('an event of type "OTHER"');
    expect(read(event('ERROR', bytesOf(golden.error.protobuf)))).toMatchObject({
      type: 'ERROR',
      error: { code: 'HTTP', status: 404, message: expect.stringContaining(golden.error.message) },
    });
  });

  test('protobufEventReader() takes the zero that Go writes for no delay as no delay', () => {
    const status = bytesOf(golden.error.protobuf);
    expect(protobufEventReader(NODE)(event('ERROR', status))).toMatchObject({
      error: { retryAfterMs: undefined },
    });
  });

  test.each([
    ['out of range', Buffer.concat([varint(8), varint(2 ** 53)])],
    ['that ends early', Buffer.of(8)],
    ['with bytes as seconds', field(1, Buffer.alloc(9, 0x81))],
  ])('protobufEventReader() refuses a time %s when the object is decoded', (_, time) => {
    const metadata = field(1, Buffer.from('n1'), field(6, Buffer.from('7'), field(8, time)));
    const object = Buffer.concat([Buffer.from('k8s\0'), field(2, field(1, metadata))]);
    const added = protobufEventReader(NODE)(event('ADDED', object)) as IncomingObject;
    expect(() => added.object()).toThrow(
      expect.objectContaining({ code: 'PROTOCOL', cause: expect.any(ProtobufError) }),
    );
  });
});

test('readStatus() decodes the Status of kube-apiserver', () => {
  const bytes = bytesOf(golden.error.protobuf);
  expect(readStatus(bytes, unwrap(bytes, { from: 0, to: bytes.length }))).toEqual({
    message: golden.error.message,
    details: { retryAfterSeconds: 0 },
    code: 404,
  });
});

test('unwrap() refuses compressed objects', () => {
  const bytes = Buffer.concat([
    Buffer.from('k8s\0'),
    field(2, Buffer.alloc(0), field(3, Buffer.from('gzip'))),
  ]);
  expect(() => unwrap(bytes, { from: 0, to: bytes.length })).toThrow('Unknown content encoding');
});

describe('MessageReader', () => {
  const INNER: Message = { text: [1, 'string'], list: [2, 'string', 'repeated'], number: [200, 'int'] };
  const OUTER: Message = { one: [1, INNER], many: [3, INNER, 'repeated'], time: [4, 'time'] };
  const inner = fc.record(
    {
      text: fc.string({ unit: 'grapheme', minLength: 1 }),
      list: fc.array(fc.string({ unit: 'grapheme' }), { minLength: 1, maxLength: 3 }),
      number: fc.maxSafeInteger(),
    },
    { requiredKeys: [] },
  );
  const seconds = fc.integer({ min: -62_135_596_800, max: 253_402_300_799 });
  const outer = fc.record(
    { one: inner, many: fc.array(inner, { minLength: 1, maxLength: 3 }), time: seconds },
    { requiredKeys: [] },
  );
  type Inner = { text?: string; list?: string[]; number?: number };
  const encodeInner = ({ text, list = [], number }: Inner, noise: Buffer): Buffer =>
    Buffer.concat([
      ...(text === undefined ? [] : [field(1, Buffer.from(text))]),
      noise,
      ...list.map((one) => field(2, Buffer.from(one))),
      ...(number === undefined ? [] : [varint(200 * 8), varint(number)]),
    ]);
  /** Fields of all wire types that nothing requests. */
  const noise = fc
    .array(
      fc.oneof(
        fc
          .tuple(
            fc.integer({ min: 5, max: 5000 }).filter((n) => n !== 200),
            fc.uint8Array(),
          )
          .map(([n, b]) => field(n, b)),
        fc
          .tuple(fc.constantFrom(50, 60), fc.maxSafeInteger())
          .map(([n, v]) => Buffer.concat([varint(n * 8), varint(v)])),
        fc.constant(Buffer.from([12 * 8 + 5, 1, 2, 3, 4])),
        fc.constant(Buffer.from([12 * 8 + 1, 1, 2, 3, 4, 5, 6, 7, 8])),
      ),
      { maxLength: 3 },
    )
    .map((fields) => Buffer.concat(fields));

  test('MessageReader reads the requested fields of any message and skips all others', () => {
    fc.assert(
      fc.property(outer, noise, noise, (value, a, b) => {
        const bytes = Buffer.concat([
          a,
          ...(value.one === undefined ? [] : [field(1, encodeInner(value.one, b))]),
          ...(value.many ?? []).map((one) => field(3, encodeInner(one, a))),
          ...(value.time === undefined ? [] : [field(4, Buffer.concat([varint(8), varint(value.time)]))]),
          b,
        ]);
        const time =
          value.time === undefined
            ? {}
            : { time: new Date(value.time * 1000).toISOString().replace('.000Z', 'Z') };
        expect(read(OUTER, bytes).value()).toEqual({ ...value, ...time });
      }),
    );
  });

  test('MessageReader.digest() is equal exactly for equal requested fields', () => {
    const digest = (value: Inner, text: Buffer): string =>
      read(OUTER, field(1, encodeInner(value, text))).digest();
    fc.assert(
      fc.property(inner, inner, noise, noise, (a, b, x, y) => {
        expect(digest(a, x)).toBe(digest(a, y));
        expect(digest(a, x) === digest(b, y)).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
    );
    const text = field(1, Buffer.from('t'));
    const apart = Buffer.concat([field(3, text), field(3, Buffer.alloc(0))]);
    const together = field(3, text);
    expect(read(OUTER, apart).digest()).not.toBe(read(OUTER, together).digest());
  });

  test('MessageReader takes the last of a string, merges messages and drops empty strings', () => {
    const bytes = Buffer.concat([
      field(1, Buffer.concat([field(1, Buffer.from('a')), field(1, Buffer.from('b'))])),
      field(1, field(2, Buffer.from(''))),
    ]);
    expect(read(OUTER, bytes).value()).toEqual({ one: { text: 'b', list: [''] } });
    expect(read(INNER, field(1, Buffer.from('a'), field(1, Buffer.alloc(0)))).value()).toEqual({});
    expect(read(OUTER, field(4, Buffer.alloc(0))).value()).toEqual({ time: null });
  });

  test.each([
    ['a field number of 0', [0x02, 0]],
    ['a field number over 2^29', [0xfa, 0xff, 0xff, 0xff, 0x7f, 0]],
    ['a group', [0x0b]],
    ['a varint of 11 bytes', [0x28, ...new Array(10).fill(0x80), 0]],
    ['a string as number', [0x08, 1]],
    ['a number as string', [0xc2, 0x0c, 0]],
  ])('MessageReader refuses %s', (_, bytes) => {
    expect(() => read(INNER, Buffer.from(bytes))).toThrow(ProtobufError);
  });

  test('MessageReader refuses a message that ends early', () => {
    const bytes = field(1, Buffer.from('abc'), field(77, Buffer.alloc(200), Buffer.from([0x28, 0x80, 1])));
    for (const at of bytes.keys()) {
      const ends = [0, 5, 209].includes(at);
      expect(outcome(() => read(INNER, bytes.subarray(0, at)), 'ProtobufError')).toBe(ends);
    }
  });

  test('MessageReader refuses a time that Date does not have', () => {
    expect(() => read(OUTER, field(4, Buffer.concat([varint(8), varint(2 ** 53)]))).value()).toThrow(
      'Invalid time',
    );
  });

  test('find() returns the last field of a number', () => {
    const bytes = field(1, Buffer.from('a'), field(2, Buffer.from('b'), field(1, Buffer.from('c'))));
    expect(find(bytes, { from: 0, to: bytes.length }, 1)).toEqual({ from: 8, to: 9 });
    expect(find(bytes, { from: 0, to: bytes.length }, 3)).toBeUndefined();
  });
});

function read(message: Message, bytes: Buffer): MessageReader {
  const reader = new MessageReader(message);
  reader.read(bytes);
  return reader;
}

/** True if the body succeeds; any error but `name` fails the test. */
function outcome(body: () => unknown, name = 'WatchError'): boolean {
  try {
    body();
    return true;
  } catch (error) {
    expect((error as Error).name).toBe(name);
    return false;
  }
}

/** Returns a frame of a watch. */
function event(type: string, object: Buffer): Buffer {
  return field(1, Buffer.from(type), field(2, field(1, object)));
}

/** Returns a length-delimited field and what follows. */
function field(number: number, value: Uint8Array, ...next: Buffer[]): Buffer {
  return Buffer.concat([varint(number * 8 + 2), varint(value.length), value, ...next]);
}

function varint(value: number): Buffer {
  const digits: number[] = [];
  let left = BigInt.asUintN(64, BigInt(value));
  for (; left >= 128n; left >>= 7n) {
    digits.push(Number(left & 127n) | 128);
  }
  return Buffer.from([...digits, Number(left)]);
}
