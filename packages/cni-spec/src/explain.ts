/**
 * Words for what a guard refuses. This is the only way from the decoders to zod, and only taken when
 * something failed, so the static plugin keeps it out of what it loads at start.
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

/** A schema's name without the word Schema, such as `networkConfig`. */
export type SchemaName = {
  [K in keyof typeof schemas]: K extends `${infer Name}Schema` ? Name : never;
}[keyof typeof schemas];

/** Says in one line why the named schema refuses the value. */
export function explain(name: SchemaName, value: unknown): string {
  const schema = Object.entries<$ZodType>(schemas).find(([key]) => key === `${name}Schema`)?.[1];
  if (!schema) {
    throw new TypeError(`No schema is called ${name}`);
  }
  return explainIssues(schema, value) ?? 'nothing is wrong';
}
