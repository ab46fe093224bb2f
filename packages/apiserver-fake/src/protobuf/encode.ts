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

const TIME: Message = { seconds: [1, 'int'], nanos: [2, 'int'] };

const VARINT = 0;
const BYTES = 2;

type Fields = readonly [key: string, field: Message[string]][];

const fieldsOf = new WeakMap<Message, Fields>();

/** Returns the fields from the greatest number down. */
function descending(message: Message): Fields {
  const fields = fieldsOf.get(message) ?? Object.entries(message).toSorted(([, [a]], [, [b]]) => b - a);
  fieldsOf.set(message, fields);
  return fields;
}

/** Encodes an object; members that the message does not describe are left out. */
export function encode(object: unknown, message: Message): Buffer {
  const writer = new Writer();
  writer.message(object, message);
  return writer.result();
}

/** Returns a length-delimited field. */
export function bytes(number: number, value: Uint8Array): Buffer {
  const writer = new Writer(value.length + 20);
  writer.bytes(number, () => writer.raw(value));
  return writer.result();
}

/** Writes from the end to the start: the length of a nested message is known when its turn comes. */
class Writer {
  #buffer: Buffer;
  #at: number;

  constructor(size = 16 * 1024) {
    this.#buffer = Buffer.allocUnsafe(size);
    this.#at = size;
  }

  result(): Buffer {
    return this.#buffer.subarray(this.#at);
  }

  message(object: unknown, message: Message): void {
    const members = (object ?? {}) as Record<string, unknown>;
    for (const [key, [number, type, mode]] of descending(message)) {
      const value = members[key];
      if (mode === 'repeated') {
        for (const one of ((value ?? []) as unknown[]).toReversed()) {
          this.#field(number, type, one);
        }
      } else if (mode === 'map') {
        for (const [name, one] of Object.entries(value ?? {}).toSorted(([a], [b]) => (a < b ? 1 : -1))) {
          this.bytes(number, () => {
            this.#field(2, type, one);
            this.#field(1, 'string', name);
          });
        }
      } else if (mode !== 'pointer' || (value !== undefined && value !== null)) {
        this.#field(number, type, value);
      }
    }
  }

  /** Writes a length-delimited field. */
  bytes(number: number, write: () => void): void {
    // Writing may move the buffer: count from its end.
    const before = this.#buffer.length - this.#at;
    write();
    this.#varint(this.#buffer.length - this.#at - before);
    this.#varint(number * 8 + BYTES);
  }

  raw(value: Uint8Array): void {
    this.#room(value.length);
    this.#buffer.set(value, this.#at);
  }

  #field(number: number, type: Type, value: unknown): void {
    if (type === 'int' || type === 'bool') {
      this.#varint(Number(value ?? 0));
      this.#varint(number * 8 + VARINT);
    } else {
      this.bytes(number, () => this.#value(type, value));
    }
  }

  #value(type: Exclude<Type, 'int' | 'bool'>, value: unknown): void {
    switch (type) {
      case 'string':
        this.#text((value ?? '') as string);
        break;
      case 'time':
        this.#time(value);
        break;
      case 'quantity':
        this.bytes(1, () => this.#text(String(value)));
        break;
      case 'json':
        this.bytes(1, () => this.#text(JSON.stringify(value)));
        break;
      default:
        this.message(value, type);
    }
  }

  /** Writes `meta.v1.Time`; the zero time is empty. */
  #time(value: unknown): void {
    if (typeof value === 'string') {
      this.message({ seconds: Math.floor(Date.parse(value) / 1000) }, TIME);
    }
  }

  #text(value: string): void {
    const length = Buffer.byteLength(value);
    this.#room(length);
    this.#buffer.write(value, this.#at, length, 'utf8');
  }

  #varint(value: number): void {
    if (value >= 0 && value < 128) {
      this.#room(1);
      this.#buffer[this.#at] = value;
      return;
    }
    const digits: number[] = [];
    let left = BigInt.asUintN(64, BigInt(value));
    for (; left >= 128n; left >>= 7n) {
      digits.push(Number(left & 127n) | 128);
    }
    this.raw(Buffer.from([...digits, Number(left)]));
  }

  /** Moves back by `length` bytes. */
  #room(length: number): void {
    if (length > this.#at) {
      const grown = Buffer.allocUnsafe(2 * this.#buffer.length + length);
      this.#at += grown.length - this.#buffer.length;
      this.#buffer.copy(grown, grown.length - this.#buffer.length);
      this.#buffer = grown;
    }
    this.#at -= length;
  }
}
