/**
 * Extracts requested fields from JSON bytes: they are copied out as JSON text, everything else is skipped. Neither is
 * parsed until the caller asks for the value.
 */
import { hash } from 'node:crypto';
import {
  afterColon,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  endOfString,
  endOfValue,
  malformed,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  skipSpace,
} from './json-bytes.ts';

/**
 * Requested fields in the shape of the object: `true` requests a whole value, a nested object some of its fields.
 * For an array the request applies to each element.
 */
export interface Fields {
  readonly [key: string]: true | Fields;
}

/** Values that are also available one by one, in the same shape. */
export interface Marks {
  readonly [key: string]: number | Marks;
}

interface Field {
  key: string;
  bytes: Buffer;
  /** The whole value is requested. */
  whole: boolean;
  /** Nested fields that are requested or marked. */
  inside: readonly Field[] | undefined;
  /** Some part of the value is requested. */
  wanted: boolean;
  /** This field is the value to read; the enclosing text only leads to it. */
  root: boolean;
  /** Number of its mark, -1 for none. */
  mark: number;
  /** Marks of this field and its nested fields. */
  marks: readonly number[];
}

/** Reads JSON texts one after the other; results are valid until the next read(). */
export class FieldReader {
  readonly #fields: readonly Field[];
  #bytes: Buffer = Buffer.alloc(0);
  #kept: Buffer = Buffer.allocUnsafeSlow(1024);
  #size = 0;
  /** Range of the value in `kept`. */
  readonly #root = { from: 0, to: 0 };
  /** Start and end of each marked value; -1 if absent. */
  readonly #marked: Int32Array;

  /** Reads the key `root` of the object if given; `fields` and `marks` describe the whole object. */
  constructor(fields: Fields, marks: Marks = {}, root?: string) {
    this.#fields = compile(fields, marks).map((field) => ({ ...field, root: field.key === root }));
    this.#marked = new Int32Array(2 * (1 + Math.max(-1, ...this.#fields.flatMap((field) => field.marks))));
  }

  /** @throws {SyntaxError} when JSON.parse would throw */
  read(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#size = 0;
    this.#marked.fill(-1);
    this.#root.from = 0;
    this.#root.to = 0;
    const end = skipSpace(bytes, this.#value(skipSpace(bytes, 0), this.#fields));
    if (end !== bytes.length) {
      malformed(end);
    }
    if (this.#root.to === 0) {
      this.#root.to = this.#size;
    }
  }

  /** The value with only the requested fields. */
  value(): unknown {
    return JSON.parse(this.#kept.toString('utf8', this.#root.from, this.#root.to));
  }

  /** SHA-256 of the requested fields. */
  digest(): string {
    return hash('sha256', this.#kept.subarray(this.#root.from, this.#root.to), 'base64url');
  }

  /** A marked value if it is a string. */
  text(mark: number): string | undefined {
    const from = this.#marked[2 * mark]!;
    if (from < 0 || this.#bytes[from] !== QUOTE) {
      return undefined;
    }
    return stringAt(this.#bytes, from, this.#marked[2 * mark + 1]!);
  }

  #value(at: number, fields: readonly Field[]): number {
    if (this.#bytes[at] === OPEN_BRACE) {
      return this.#object(at, fields);
    }
    if (this.#bytes[at] === OPEN_BRACKET) {
      return this.#array(at, fields);
    }
    return this.#whole(at);
  }

  #whole(from: number): number {
    const to = endOfValue(this.#bytes, from);
    this.#copy(from, to);
    return to;
  }

  #array(from: number, fields: readonly Field[]): number {
    const bytes = this.#bytes;
    this.#put(OPEN_BRACKET);
    let at = skipSpace(bytes, from + 1);
    if (bytes[at] !== CLOSE_BRACKET) {
      for (;;) {
        // Kubernetes has no nested lists: such an element is kept whole.
        at = bytes[at] === OPEN_BRACE ? this.#object(at, fields) : this.#whole(at);
        at = skipSpace(bytes, at);
        if (bytes[at] !== COMMA) {
          break;
        }
        this.#put(COMMA);
        at = skipSpace(bytes, at + 1);
      }
    }
    if (bytes[at] !== CLOSE_BRACKET) {
      malformed(at);
    }
    this.#put(CLOSE_BRACKET);
    return at + 1;
  }

  #object(from: number, fields: readonly Field[]): number {
    const bytes = this.#bytes;
    this.#put(OPEN_BRACE);
    const empty = this.#size;
    let at = skipSpace(bytes, from + 1);
    if (bytes[at] !== CLOSE_BRACE) {
      for (;;) {
        if (bytes[at] !== QUOTE) {
          malformed(at);
        }
        const end = endOfString(bytes, at + 1);
        const field = find(fields, bytes, at, end);
        const value = afterColon(bytes, end);
        if (field === undefined) {
          at = endOfValue(bytes, value);
        } else {
          if (field.wanted) {
            if (this.#size > empty) {
              this.#put(COMMA);
            }
            this.#copy(at, end);
            this.#put(COLON);
          }
          at = this.#field(value, field);
        }
        at = skipSpace(bytes, at);
        if (bytes[at] !== COMMA) {
          break;
        }
        at = skipSpace(bytes, at + 1);
      }
    }
    if (bytes[at] !== CLOSE_BRACE) {
      malformed(at);
    }
    this.#put(CLOSE_BRACE);
    return at + 1;
  }

  #field(from: number, { whole, inside, wanted, root, mark, marks }: Field): number {
    // The last of duplicate keys wins, including its nested fields; only objects have marks.
    for (const one of marks) {
      this.#marked[2 * one] = -1;
    }
    const size = this.#size;
    const to = inside === undefined ? endOfValue(this.#bytes, from) : this.#value(from, inside);
    if (this.#bytes[from] === OPEN_BRACKET) {
      for (const one of marks) {
        this.#marked[2 * one] = -1;
      }
    }
    if (whole || !wanted) {
      this.#size = size;
    }
    if (whole) {
      this.#copy(from, to);
    }
    if (root) {
      Object.assign(this.#root, { from: size, to: this.#size });
    }
    if (mark >= 0) {
      this.#marked[2 * mark] = from;
      this.#marked[2 * mark + 1] = to;
    }
    return to;
  }

  #put(byte: number): void {
    if (this.#size === this.#kept.length) {
      this.#grow(1);
    }
    this.#kept[this.#size] = byte;
    this.#size += 1;
  }

  #copy(from: number, to: number): void {
    if (this.#size + to - from > this.#kept.length) {
      this.#grow(to - from);
    }
    const [bytes, kept, offset] = [this.#bytes, this.#kept, this.#size - from];
    // Usually a few bytes; a call to copy() would cost more.
    for (let at = from; at < to; at += 1) {
      kept[at + offset] = bytes[at]!;
    }
    this.#size += to - from;
  }

  #grow(more: number): void {
    const grown = Buffer.allocUnsafeSlow(2 * (this.#kept.length + more));
    this.#kept.copy(grown, 0, 0, this.#size);
    this.#kept = grown;
  }
}

function compile(fields: Fields, marks: Marks): Field[] {
  return [...new Set([...Object.keys(fields), ...Object.keys(marks)])].map((key) => {
    const wanted = Object.hasOwn(fields, key) ? fields[key] : undefined;
    const mark = Object.hasOwn(marks, key) ? marks[key] : undefined;
    const below = compile(typeof wanted === 'object' ? wanted : {}, typeof mark === 'object' ? mark : {});
    const inside = typeof wanted === 'object' || typeof mark === 'object' ? below : undefined;
    const own = typeof mark === 'number' ? mark : -1;
    return {
      key,
      bytes: Buffer.from(key),
      whole: wanted === true,
      inside,
      wanted: wanted !== undefined,
      root: false,
      mark: own,
      marks: [...below.flatMap((field) => field.marks), ...(own < 0 ? [] : [own])],
    };
  });
}

/** Returns the field whose quoted key lies between `from` and `to`. */
function find(fields: readonly Field[], bytes: Buffer, from: number, to: number): Field | undefined {
  for (const field of fields) {
    const { bytes: key } = field;
    if (key.length !== to - from - 2) {
      continue;
    }
    let at = 0;
    while (at < key.length && key[at] === bytes[from + 1 + at]) {
      at += 1;
    }
    if (at === key.length) {
      return field;
    }
  }
  if (fields.length === 0 || !hasEscape(bytes, from, to)) {
    return undefined;
  }
  const key = stringAt(bytes, from, to);
  return fields.find((field) => field.key === key);
}

function stringAt(bytes: Buffer, from: number, to: number): string {
  return hasEscape(bytes, from, to)
    ? (JSON.parse(bytes.toString('utf8', from, to)) as string)
    : bytes.toString('utf8', from + 1, to - 1);
}

function hasEscape(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) {
    if (bytes[at] === 0x5c) {
      return true;
    }
  }
  return false;
}
