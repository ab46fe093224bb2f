/** Words for what a guard refuses; the only way from the plugin to zod. */
import { explainIssues, explain as explainSpec, type SchemaName } from '@cnikit/cni-spec/explain';
import { bridgeConfSchema } from './schema.ts';

/** A schema of the plugin's own, or one of cni-spec's. */
export type Explained = 'bridgeConf' | SchemaName;

/** Says in one line why the named schema refuses the value. */
export function explain(name: Explained, value: unknown): string {
  if (name !== 'bridgeConf') return explainSpec(name, value);
  return explainIssues(bridgeConfSchema, value) ?? 'nothing is wrong';
}
