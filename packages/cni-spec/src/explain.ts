/**
 * Explains why a guard refuses a value. The decoders need zod only here, after an error, so the static plugin
 * does not load it at start.
 *
 * ```ts
 * import { explain } from '@cnikit/cni-spec/explain';
 *
 * console.log(explain('result', { ips: [{ address: '10.1.0.5' }] }));
 * ```
 */
import type { $ZodType } from 'zod/v4/core';
import { explainIssues } from './explain-issues.ts';
import * as schemas from './schemas/index.ts';

export { explainIssues } from './explain-issues.ts';

/** Name of a schema without the suffix Schema, such as `networkConfig`. */
export type SchemaName = {
  [K in keyof typeof schemas]: K extends `${infer Name}Schema` ? Name : never;
}[keyof typeof schemas];

/**
 * Returns in one line why the named schema refuses the value.
 *
 * @throws {TypeError} for an unknown schema name
 */
export function explain(name: SchemaName, value: unknown): string {
  const schema = Object.entries<$ZodType>(schemas).find(([key]) => key === `${name}Schema`)?.[1];
  if (!schema) {
    throw new TypeError(`Unknown schema ${name}`);
  }
  return explainIssues(schema, value) ?? 'the value is valid';
}
