/** Encodes JSON as protobuf (https://protobuf.dev/programming-guides/encoding) in the form that Go's encoder gives it. */

/**
 * Fields of a message by their names in JSON. A plain field is written even if it is empty, as Go does; `pointer` is
 * written if it is present.
 */
export interface Message {
  readonly [key: string]: readonly [number: number, type: Type, mode?: 'repeated' | 'map' | 'pointer'];
}

/** `time` is an RFC 3339 string, `quantity` a string in a message, `json` any value as JSON text in a message. */
export type Type = 'string' | 'int' | 'bool' | 'time' | 'quantity' | 'json' | Message;

const VARINT = 0;
const BYTES = 2;

/** Encodes an object; members that the message does not describe are left out. */
export function encode(object: unknown, message: Message): Buffer {
  const members = (object ?? {}) as Record<string, unknown>;
  const fields = Object.entries(message).toSorted(([, [a]], [, [b]]) => a - b);
  return Buffer.concat(
    fields.flatMap(([key, [number, type, mode]]) => {
      const value = members[key];
      if (mode === 'repeated') {
        return ((value ?? []) as unknown[]).map((one) => field(number, type, one));
      }
      if (mode === 'map') {
        const entries = Object.entries((value ?? {}) as object).toSorted(([a], [b]) => (a < b ? -1 : 1));
        return entries.map(([name, one]) =>
          bytes(number, Buffer.concat([field(1, 'string', name), field(2, type, one)])),
        );
      }
      return mode === 'pointer' && (value === undefined || value === null)
        ? []
        : [field(number, type, value)];
    }),
  );
}

function field(number: number, type: Type, value: unknown): Buffer {
  switch (type) {
    case 'string':
      return bytes(number, Buffer.from((value ?? '') as string));
    case 'int':
    case 'bool':
      return Buffer.concat([varint(number * 8 + VARINT), varint(Number(value ?? 0))]);
    case 'time':
      return bytes(number, time(value));
    case 'quantity':
      return bytes(number, bytes(1, Buffer.from(String(value))));
    case 'json':
      return bytes(number, bytes(1, Buffer.from(JSON.stringify(value))));
    default:
      return bytes(number, encode(value, type));
  }
}

/** Returns a length-delimited field. */
export function bytes(number: number, value: Uint8Array): Buffer {
  return Buffer.concat([varint(number * 8 + BYTES), varint(value.length), value]);
}

/** Encodes `meta.v1.Time`; the zero time is empty. */
function time(value: unknown): Buffer {
  return typeof value === 'string'
    ? encode(
        { seconds: Math.floor(Date.parse(value) / 1000), nanos: 0 },
        { seconds: [1, 'int'], nanos: [2, 'int'] },
      )
    : Buffer.alloc(0);
}

function varint(value: number): Buffer {
  let left = BigInt.asUintN(64, BigInt(value));
  const digits: number[] = [];
  for (; left >= 128n; left >>= 7n) {
    digits.push(Number(left & 127n) | 128);
  }
  return Buffer.from([...digits, Number(left)]);
}
