import { IpamError } from './errors.ts';

/** A JSON object with its keys in lower case. */
export type Fields = Readonly<Record<string, unknown>>;

/** @throws {IpamError} `CONFIG` */
export function misconfigured(message: string): never {
  throw new IpamError('CONFIG', message);
}

/** Returns the JSON name of the type of a value. */
function typeName(value: unknown): string {
  return Array.isArray(value) ? 'array' : typeof value;
}

/**
 * Returns the fields of an object as Go's encoding/json sees them, because users of host-local rely on it: keys
 * match in any case, the last of several wins, and null counts as absent.
 */
export function fieldsOf(value: unknown, path: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return misconfigured(`${path} must be an object, not ${typeName(value)}`);
  }
  const fields: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(value)) {
    if (field !== null) {
      fields[key.toLowerCase()] = field;
    }
  }
  return fields;
}

/** Returns the object at a key, if any. */
export function objectAt(fields: Fields, key: string, path: string): Fields | undefined {
  const value = fields[key.toLowerCase()];
  return value === undefined ? undefined : fieldsOf(value, `${path}${key}`);
}

/** Returns the object at a key, or an empty object when there is none or the value is not an object. */
export function optionalAt(fields: Fields, key: string): Fields {
  const value = fields[key.toLowerCase()];
  return typeof value === 'object' && !Array.isArray(value) ? fieldsOf(value, key) : {};
}

/** Returns the string at a key, if any. */
export function stringAt(fields: Fields, key: string, path: string): string | undefined {
  const value = fields[key.toLowerCase()];
  if (value === undefined || typeof value === 'string') {
    return value;
  }
  return misconfigured(`${path}${key} must be a string, not ${typeName(value)}`);
}

/** Returns the list at a key, or an empty list. */
export function listAt(fields: Fields, key: string, path: string): readonly unknown[] {
  const value = fields[key.toLowerCase()] ?? [];
  return Array.isArray(value)
    ? value
    : misconfigured(`${path}${key} must be an array, not ${typeName(value)}`);
}

/** Returns the boolean at a key, if any. */
export function booleanAt(fields: Fields, key: string, path: string): boolean | undefined {
  const value = fields[key.toLowerCase()];
  if (value === undefined || typeof value === 'boolean') {
    return value;
  }
  return misconfigured(`${path}${key} must be a boolean, not ${typeName(value)}`);
}

/** Returns the non-negative integer at a key, if any. */
export function numberAt(fields: Fields, key: string, path: string): number | undefined {
  const value = fields[key.toLowerCase()];
  if (value === undefined || (Number.isInteger(value) && (value as number) >= 0)) {
    return value as number | undefined;
  }
  return misconfigured(`${path}${key} must be an integer of at least 0, not ${JSON.stringify(value)}`);
}
