import { explain } from '#explain';
import { CniError, ErrorCode } from './error.ts';
import type { SchemaName } from './explain.ts';
import { type KeyTable, normaliseKeys } from './keys.ts';

/**
 * Parses JSON text.
 *
 * @throws {CniError} 6 with the name `what` when the text is not exactly one JSON document
 */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const problem =
      text.trim() === '' ? 'it is empty' : cause instanceof Error ? cause.message : String(cause);
    throw new CniError(ErrorCode.DecodingFailure, `Cannot decode ${what}: ${problem}`, '', { cause });
  }
}

/**
 * Normalises the keys and validates the value.
 *
 * @throws {CniError} 6, or `code`, with the path of the invalid part
 */
export function decodeAs<T>(
  schema: { name: SchemaName; guard: (value: unknown) => value is T; keys: KeyTable },
  value: unknown,
  what: string,
  code: number = ErrorCode.DecodingFailure,
): T {
  const normal = normaliseKeys(value, schema.keys);
  if (schema.guard(normal)) {
    return normal;
  }
  throw new CniError(code, `Cannot decode ${what}: ${explain(schema.name, normal)}`);
}

/** Returns the object without the fields that the guard refuses by themselves, such as one of a wrong type. */
export function validFields<T extends object>(value: object, guard: (value: unknown) => value is T): T {
  if (guard(value)) {
    return value;
  }
  const valid = Object.entries(value).filter(([key, field]) => guard({ [key]: field }));
  return Object.fromEntries(valid) as T;
}
