/** Descriptions of protobuf messages: only the fields in use. */
import type { Fields } from '../fields.ts';
import { BYTES, VARINT } from './wire.ts';

/**
 * Requested fields of a protobuf message by their names in JSON, with number and type, as in Kubernetes' generated.proto:
 * `{ spec: [2, { podCIDR: [1, 'string'], podCIDRs: [7, 'string', 'repeated'] }] }`.
 */
export interface Message {
  readonly [key: string]: MessageField;
}

/**
 * `int` is any varint, 0 or 1 for a boolean; Go writes a zero even where its JSON omits the field. `time` is
 * `meta.v1.Time`, which becomes an RFC 3339 string as in JSON.
 */
export type MessageField = readonly [
  number: number,
  type: 'string' | 'int' | 'time' | Message,
  repeated?: 'repeated',
];

/** Strings that are also available one by one, in the shape of the message. */
export interface Marked {
  readonly [key: string]: readonly [number: number, mark: number | Marked];
}

/** A compiled field. */
export interface Part {
  key: string;
  type: 'string' | 'int' | 'time' | 'message';
  wire: number;
  repeated: boolean;
  /** False for a field that is only marked. */
  wanted: boolean;
  /** Number of its mark, -1 for none. */
  mark: number;
  /** Fields of a message. */
  inside: Parts;
}

/** Compiled fields by their numbers. */
export type Parts = readonly (Part | undefined)[];

export function compile(message: Message, marked: Marked = {}): Parts {
  const parts: Part[] = [];
  for (const key of new Set([...Object.keys(message), ...Object.keys(marked)])) {
    const field = Object.hasOwn(message, key) ? message[key] : undefined;
    const own = Object.hasOwn(marked, key) ? marked[key] : undefined;
    const [number] = (field ?? own)!;
    const type = field?.[1] ?? (typeof own?.[1] === 'object' ? {} : 'string');
    const mark = own?.[1] ?? -1;
    parts[number] = {
      key,
      type: typeof type === 'object' ? 'message' : type,
      wire: type === 'int' ? VARINT : BYTES,
      repeated: field?.[2] === 'repeated',
      wanted: field !== undefined,
      mark: typeof mark === 'number' ? mark : -1,
      inside: typeof type === 'object' ? compile(type, typeof mark === 'object' ? mark : {}) : [],
    };
  }
  return parts;
}

/** Returns the request for the same fields of the JSON. */
export function fieldsOf(message: Message): Fields {
  return Object.fromEntries(
    Object.entries(message).map(([key, [, type]]) => [key, typeof type === 'object' ? fieldsOf(type) : true]),
  );
}
