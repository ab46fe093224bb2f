/** Words for what a guard refuses; the only way from the plugins to zod. */
import { explainIssues, explain as explainSpec, type SchemaName } from '@cnikit/cni-spec/explain';
import * as schemas from './schemas.ts';

type OwnName = {
  [K in keyof typeof schemas]: K extends `${infer Name}Schema` ? Name : never;
}[keyof typeof schemas];

/** A schema of the plugins' own, without the word Schema, or one of cni-spec's. */
export type Explained = OwnName | SchemaName;

/** Says in one line why the named schema refuses the value. */
export function explain(name: Explained, value: unknown): string {
  const schema = Object.entries(schemas).find(([key]) => key === `${name}Schema`)?.[1];
  if (schema === undefined) {
    return explainSpec(name as SchemaName, value);
  }
  return explainIssues(schema, value) ?? 'nothing is wrong';
}
