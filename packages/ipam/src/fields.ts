import { hasNormalKeys } from '#native';
import { IpamError } from './errors.ts';

/** A JSON object whose known keys have the spelling of its {@link KeyTable}. */
export type Fields = Readonly<Record<string, unknown>>;

/** The keys of an object. The value is the table of the nested object, or of the objects in lists; else `null`. */
export interface KeyTable {
  readonly [key: string]: KeyTable | null;
}

/** No configuration nests lists more deeply. Deeper values stay as they are; their readers refuse them. */
const MAX_LIST_DEPTH = 2;

/** @throws {IpamError} `CONFIG` */
export function misconfigured(message: string): never {
  throw new IpamError('CONFIG', message);
}

/** Returns the JSON name of the type of a value. */
export function typeName(value: unknown): string {
  return Array.isArray(value) ? 'array' : typeof value;
}

/**
 * Returns an object as Go's encoding/json sees it, because users of host-local rely on it: keys match in any case, the
 * last of several wins, and null counts as absent. Returns the object itself when that changes nothing.
 */
export function fieldsOf(value: unknown, path: string, table: KeyTable): Fields {
  return objectOf(hasNormalKeys(value, table) ? value : respelt(value, table, 0), path);
}

/** Returns a value that must be an object. */
export function objectOf(value: unknown, path: string): Fields {
  return isObject(value) ? value : misconfigured(`${path} must be an object, not ${typeName(value)}`);
}

const { isArray } = Array;

/** Returns true for a JSON object. */
export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !isArray(value);
}

function respelt(value: unknown, table: KeyTable, depth: number): unknown {
  if (Array.isArray(value)) {
    return depth < MAX_LIST_DEPTH ? value.map((element) => respelt(element, table, depth + 1)) : value;
  }
  if (!isObject(value)) {
    return value;
  }
  const fields: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(value)) {
    const known = spelling(key, table);
    if (known !== undefined && field !== null) {
      const nested = table[known];
      fields[known] = nested ? respelt(field, nested, 0) : field;
    }
  }
  return fields;
}

function spelling(key: string, table: KeyTable): string | undefined {
  const lower = key.toLowerCase();
  return Object.keys(table).find((known) => known.toLowerCase() === lower);
}

/** Returns the object at a key, if any. */
export function objectAt(fields: Fields, key: string, path: string): Fields | undefined {
  const value = fields[key];
  return value === undefined || isObject(value) ? value : objectOf(value, `${path}${key}`);
}

/** Returns the object at a key, or `undefined` when there is none or the value is not an object. */
export function optionalAt(fields: Fields | undefined, key: string): Fields | undefined {
  const value = fields?.[key];
  return isObject(value) ? value : undefined;
}

/** Returns the string at a key, if any. */
export function stringAt(fields: Fields, key: string, path: string): string | undefined {
  const value = fields[key];
  if (value === undefined || typeof value === 'string') {
    return value;
  }
  return misconfigured(`${path}${key} must be a string, not ${typeName(value)}`);
}

const NONE: readonly unknown[] = [];

/** Returns the list at a key, or an empty list. */
export function listAt(fields: Fields | undefined, key: string, path: string): readonly unknown[] {
  const value = fields?.[key];
  if (value === undefined) {
    return NONE;
  }
  return Array.isArray(value)
    ? value
    : misconfigured(`${path}${key} must be an array, not ${typeName(value)}`);
}

/** Returns the boolean at a key, if any. */
export function booleanAt(fields: Fields, key: string, path: string): boolean | undefined {
  const value = fields[key];
  if (value === undefined || typeof value === 'boolean') {
    return value;
  }
  return misconfigured(`${path}${key} must be a boolean, not ${typeName(value)}`);
}

/** Returns the non-negative integer at a key, if any. */
export function numberAt(fields: Fields, key: string, path: string): number | undefined {
  const value = fields[key];
  if (value === undefined || (Number.isInteger(value) && (value as number) >= 0)) {
    return value as number | undefined;
  }
  return misconfigured(`${path}${key} must be an integer of at least 0, not ${JSON.stringify(value)}`);
}
