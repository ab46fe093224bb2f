/**
 * Objects of which only some fields are wanted, read from bytes: what is wanted is copied out as JSON text of its own,
 * the rest is only skipped. Nothing is made of either until somebody asks for it.
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
 * Fields of an object in the object's own form: `true` is a value with all that is in it, a nested one says which of
 * its fields. Of an array it says so for each element.
 */
export interface Fields {
  readonly [key: string]: true | Fields;
}

/** Values that are handed out by themselves, by the same form. */
export interface Marks {
  readonly [key: string]: number | Marks;
}

interface Field {
  key: string;
  bytes: Buffer;
  /** All of it is wanted. */
  whole: boolean;
  /** Some of it may be wanted or marked. */
  inside: readonly Field[] | undefined;
  /** Anything of it is wanted. */
  wanted: boolean;
  /** It is what is read, and the text around it only the way to it. */
  root: boolean;
  /** Where it is noted, -1 for nowhere. */
  mark: number;
  /** Marks that this and what is in it have. */
  marks: readonly number[];
}

/** Reads one text after the other; what it gives of one is good until the next. */
export class FieldReader {
  readonly #fields: readonly Field[];
  #bytes: Buffer = Buffer.alloc(0);
  #kept: Buffer = Buffer.allocUnsafeSlow(1024);
  #size = 0;
  /** Where in `kept` the value is that is read. */
  readonly #root = { from: 0, to: 0 };
  /** Of each mark, where its value begins and ends; -1 when there is none. */
  readonly #marked: Int32Array;

  /** With `root` what is read is the value of that key of the text's object; `fields` and `marks` are of the whole. */
  constructor(fields: Fields, marks: Marks = {}, root?: string) {
    this.#fields = compile(fields, marks).map((field) => ({ ...field, root: field.key === root }));
    this.#marked = new Int32Array(2 * (1 + Math.max(-1, ...this.#fields.flatMap((field) => field.marks))));
  }

  /** Throws SyntaxError for what JSON.parse would not take. */
  read(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#size = 0;
    this.#marked.fill(-1);
    this.#root.from = this.#root.to = 0;
    const end = skipSpace(bytes, this.#value(skipSpace(bytes, 0), this.#fields));
    if (end !== bytes.length) {
      malformed(end);
    }
    if (this.#root.to === 0) {
      this.#root.to = this.#size;
    }
  }

  /** The value, with the wanted fields only. */
  value(): unknown {
    return JSON.parse(this.#kept.toString('utf8', this.#root.from, this.#root.to));
  }

  /** As good as the text of the wanted fields, and always short: no two are known that have the same (SHA-256). */
  digest(): string {
    return hash('sha256', this.#kept.subarray(this.#root.from, this.#root.to), 'base64url');
  }

  /** A marked value, if it is a string. */
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
        // No list of Kubernetes has lists in it: an element that is one is kept as it is.
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
    // Of a key that is there twice the last one counts, with all that is in it; marks are for objects only.
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
    // Mostly a few bytes, for which a call would cost more.
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

/** The field whose key is the string from `from` to `to`, with its quotes. */
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
