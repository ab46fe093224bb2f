/**
 * Tables of attributes, for messages with many attributes of one value each (link kinds, traffic control, nftables). Hot
 * or irregular attributes are written and read by code.
 */
import { parseAddress } from '@cnikit/ip';
import type { Encoder } from './encoder.ts';
import { NetlinkEncodeError } from './errors.ts';
import { type Named, type Names, nameOf, numberOf } from './names.ts';
import type { AttributeReader, UnknownAttribute } from './reader.ts';

/** The wire forms, and the TypeScript type of each. */
interface WireTypes {
  u8: number;
  u16: number;
  u32: number;
  s32: number;
  u64: number | bigint;
  be16: number;
  be32: number;
  be64: number | bigint;
  /** A u8 of 0 or 1. */
  bool: boolean;
  /** Present or absent. */
  flag: boolean;
  string: string;
  raw: Uint8Array;
  ipv4: string;
  ipv6: string;
  /** IPv4 or IPv6. */
  ip: string;
  mac: string;
}

/** The form of a value in its attribute. */
export type Wire = keyof WireTypes;
/** Attribute type, wire form, kernel name, and the names of the values if they have any. */
export type Field = readonly [type: number, wire: Wire, name: string, names?: Names];
/** The attributes of a message or nest, by property name. */
export type Table = Readonly<Record<string, Field>>;

/** The values of a table. An absent value is not sent, or was not received. */
export type Values<T extends Table> = { -readonly [K in keyof T]?: Value<T[K]> };
type Value<F extends Field> = F[3] extends Names ? Named<F[3]> : WireTypes[F[1]];
/** Decoded values, and the attributes that the table does not have. */
export type Decoded<T extends Table> = Values<T> & { unknown?: UnknownAttribute[] };

/** Writes the values that are set, in the order of `values`. Properties that the table does not have are ignored. */
export function writeFields<T extends Table>(encoder: Encoder, table: T, values: Values<T>): void {
  for (const key in values) {
    const value = values[key];
    if (value !== undefined && Object.hasOwn(table, key)) {
      try {
        writeField(encoder, table[key]!, key, value);
      } catch (error) {
        throw named(error, table[key]!, key);
      }
    }
  }
}

/** Adds the names of the property and its attribute to an encode error. */
function named(error: unknown, [, , name]: Field, key: string): unknown {
  return error instanceof NetlinkEncodeError
    ? new NetlinkEncodeError(error.code, `${key} (${name}): ${error.message}`)
    : error;
}

/** Returns true when any property of the table is set. */
export function hasFields<T extends Table>(table: T, values: Values<T>): boolean {
  for (const key in values) {
    if (values[key] !== undefined && Object.hasOwn(table, key)) {
      return true;
    }
  }
  return false;
}

function writeField(encoder: Encoder, [type, wire, , names]: Field, key: string, value: unknown): void {
  switch (wire) {
    case 'u8':
    case 'u16':
    case 'u32':
    case 'be16':
    case 'be32':
      encoder[wire](type, names === undefined ? (value as number) : numberOf(names, value as number, key));
      break;
    case 's32':
      encoder.i32(type, value as number);
      break;
    case 'u64':
    case 'be64':
      encoder[wire](type, value as number | bigint);
      break;
    case 'bool':
      encoder.u8(type, value ? 1 : 0);
      break;
    case 'flag':
      if (value) {
        encoder.flag(type);
      }
      break;
    case 'string':
      encoder.string(type, value as string);
      break;
    case 'raw':
      encoder.raw(type, value as Uint8Array);
      break;
    case 'mac':
      encoder.mac(type, value as string, key);
      break;
    case 'ip':
      encoder.address(type, value as string, key);
      break;
    default: {
      const bytes = parseAddress(value as string);
      if (bytes?.length !== (wire === 'ipv4' ? 4 : 16)) {
        throw new NetlinkEncodeError(
          'BAD_ADDRESS',
          `${key} ${JSON.stringify(value)} is not an ${wire} address`,
        );
      }
      encoder.raw(type, bytes);
    }
  }
}

const indexes = new WeakMap<Table, Array<string | undefined>>();

/** Reads all remaining attributes. */
export function readFields<T extends Table>(reader: AttributeReader, table: T): Decoded<T> {
  const values: Record<string, unknown> = {};
  const index = indexOf(table);
  while (reader.next()) {
    const key = index[reader.type];
    if (key === undefined) {
      keepUnknown(values, reader);
    } else {
      values[key] = readValue(reader, table[key]!);
    }
  }
  return values as Decoded<T>;
}

/** Reads the current attribute. Returns false when the table does not have it. */
export function readField(reader: AttributeReader, table: Table, into: Record<string, unknown>): boolean {
  const key = indexOf(table)[reader.type];
  if (key === undefined) {
    return false;
  }
  into[key] = readValue(reader, table[key]!);
  return true;
}

/** Returns the table's property names by attribute type. Built on first use. */
function indexOf(table: Table): readonly (string | undefined)[] {
  let index = indexes.get(table);
  if (index === undefined) {
    index = [];
    for (const key in table) {
      const type = table[key]![0];
      while (index.length <= type) {
        index.push(undefined);
      }
      index[type] = key;
    }
    indexes.set(table, index);
  }
  return index;
}

function readValue(reader: AttributeReader, [, wire, name, names]: Field): unknown {
  switch (wire) {
    case 's32':
      return reader.i32(name);
    case 'bool':
      return reader.u8(name) !== 0;
    case 'flag':
      return true;
    case 'string':
      return reader.string();
    case 'raw':
      return reader.raw();
    case 'mac':
      return reader.mac();
    case 'ip':
      return reader.address(name);
    case 'ipv4':
      reader.size(4, name);
      return reader.address(name);
    case 'ipv6':
      reader.size(16, name);
      return reader.address(name);
    default: {
      const value = reader[wire](name);
      return names === undefined ? value : nameOf(names, value as number);
    }
  }
}

/** Adds the current attribute to `into.unknown`. */
export function keepUnknown(into: { unknown?: UnknownAttribute[] }, reader: AttributeReader): void {
  if (into.unknown === undefined) {
    into.unknown = [];
  }
  into.unknown.push(reader.unknown());
}

/**
 * Refuses to encode a decoded object with attributes that no field holds: the request would name another object.
 *
 * @throws {NetlinkEncodeError} BAD_REQUEST with the names of the attributes
 */
export function refuseUnknown(
  what: string,
  unknown: readonly UnknownAttribute[] | undefined,
  names: Readonly<Record<number, string>> = {},
): void {
  if (unknown === undefined || unknown.length === 0) {
    return;
  }
  const list = unknown.map(({ type }) => names[type] ?? `number ${type}`).join(', ');
  throw new NetlinkEncodeError('BAD_REQUEST', `${what} has attributes that cannot be encoded: ${list}`);
}
