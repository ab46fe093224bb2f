/** Error messages for values that a guard refuses. Only this module imports zod. */
import { explainIssues, explain as explainSpec, type SchemaName } from '@cnikit/cni-spec/explain';
import * as schemas from './schemas.ts';

type OwnName = {
  [K in keyof typeof schemas]: K extends `${infer Name}Schema` ? Name : never;
}[keyof typeof schemas];

/** Name of a schema of the plugins, without the suffix Schema, or of cni-spec. */
export type Explained = OwnName | SchemaName;

/** Returns a one-line reason why the named schema refuses the value. */
export function explain(name: Explained, value: unknown): string {
  const schema = Object.entries(schemas).find(([key]) => key === `${name}Schema`)?.[1];
  if (schema === undefined) {
    return explainSpec(name as SchemaName, value);
  }
  return explainIssues(schema, value) ?? 'the value is valid';
}
